// Android's plugin compiles Kotlin by itself, with the Kotlin that is named here.
plugins {
    alias(libs.plugins.android.application) apply false
    alias(libs.plugins.kotlin.jvm) apply false
    alias(libs.plugins.compose) apply false
}
