// Plain Kotlin. The generated bindings come from `bindings/generate kotlin target/android/bindings`.
plugins {
    alias(libs.plugins.kotlin.jvm)
}

val bindings = rootDir.resolve("../target/android/bindings")

kotlin {
    jvmToolchain(17)
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
    testImplementation(libs.turbine)
    testImplementation(libs.serialization)
}

tasks.test {
    useJUnitPlatform()
    systemProperty("jna.library.path", bindings.path)
    systemProperty("kith.android", rootDir.path)
}
