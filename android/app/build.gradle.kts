// The app for a phone. Put the library there first: `cargo ndk` writes it to src/main/jniLibs (see ../README.md).
plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.compose)
}

android {
    namespace = "kith.app"
    compileSdk = 37
    defaultConfig {
        applicationId = "kith.app"
        minSdk = 26
        targetSdk = 35
        versionCode = 1
        versionName = "0.1.0"
        // Those that cargo-ndk is told to build for: JNA's archive has more, and a phone takes an app for what is in it.
        ndk {
            abiFilters += listOf("arm64-v8a", "armeabi-v7a", "x86_64")
        }
    }
    buildFeatures {
        compose = true
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    buildTypes {
        release {
            isMinifyEnabled = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"), "keep.pro")
        }
    }
    testOptions {
        unitTests.isIncludeAndroidResources = true
        unitTests.all {
            it.systemProperty("jna.library.path", rootDir.resolve("../target/android/bindings").path)
            it.systemProperty("kith.android", rootDir.path)
            it.systemProperty("kith.drawings", layout.buildDirectory.dir("drawings").get().asFile.path)
        }
    }
}

dependencies {
    implementation(project(":notebook"))
    implementation(libs.coroutines.android)
    implementation(libs.compose.foundation)
    implementation(libs.compose.ui)
    implementation(libs.material)
    implementation(libs.activity.compose)
    implementation(libs.lifecycle.viewmodel)
    // The archive has JNA's own library for each kind of phone; the jar has them for computers only.
    implementation(libs.jna) { artifact { type = "aar" } }
    testImplementation(libs.jna)
    testImplementation(libs.robolectric)
    testImplementation(libs.compose.test)
}
