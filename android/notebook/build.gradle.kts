// Plain Kotlin. The generated bindings come from `bindings/generate kotlin target/android/bindings`.
import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    alias(libs.plugins.kotlin.jvm)
}

val bindings = rootDir.resolve("../target/android/bindings")

// A target and no toolchain: whatever Java Android Studio comes with compiles for it.
kotlin {
    compilerOptions {
        jvmTarget = JvmTarget.JVM_17
    }
}

java {
    sourceCompatibility = JavaVersion.VERSION_17
    targetCompatibility = JavaVersion.VERSION_17
}

sourceSets.main {
    kotlin.srcDir(bindings)
}

dependencies {
    implementation(libs.coroutines)
    // On a phone the app brings JNA's archive for Android; here the jar does for compiling and for the tests.
    compileOnly(libs.jna)
    testImplementation(libs.jna)
    testImplementation(libs.junit)
    testRuntimeOnly(libs.junit.launcher)
    testImplementation(libs.turbine)
    testImplementation(libs.serialization)
}

tasks.test {
    useJUnitPlatform()
    systemProperty("jna.library.path", bindings.path)
    systemProperty("kith.android", rootDir.path)
}
