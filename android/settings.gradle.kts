// For Android Studio. The same sources and versions as Maven's; this build makes the app that runs on a phone.
pluginManagement {
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
}
dependencyResolutionManagement {
    repositories {
        google()
        mavenCentral()
    }
}
rootProject.name = "kith"
include(":notebook", ":app")
