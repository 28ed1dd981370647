// Colours: paper and ink, with one green. Every pair of a colour and what is written on it has a contrast of 4.5 or more.
package kith.app

import androidx.compose.foundation.isSystemInDarkTheme
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.darkColorScheme
import androidx.compose.material3.lightColorScheme
import androidx.compose.runtime.Composable
import androidx.compose.ui.graphics.Color

private val Light = lightColorScheme(
    primary = Color(0xFF1F5F4F),
    onPrimary = Color(0xFFFFFFFF),
    primaryContainer = Color(0xFFCDE8DE),
    onPrimaryContainer = Color(0xFF06261E),
    secondary = Color(0xFF4A5A7A),
    onSecondary = Color(0xFFFFFFFF),
    secondaryContainer = Color(0xFFD9E5DF),
    onSecondaryContainer = Color(0xFF14261F),
    tertiary = Color(0xFF8A4A12),
    onTertiary = Color(0xFFFFFFFF),
    tertiaryContainer = Color(0xFFFFE3CC),
    onTertiaryContainer = Color(0xFF341800),
    error = Color(0xFFA8201A),
    onError = Color(0xFFFFFFFF),
    errorContainer = Color(0xFFFBDCD9),
    onErrorContainer = Color(0xFF410E0B),
    background = Color(0xFFFBFAF7),
    onBackground = Color(0xFF1B1D1B),
    surface = Color(0xFFFBFAF7),
    onSurface = Color(0xFF1B1D1B),
    surfaceVariant = Color(0xFFE7E8E1),
    onSurfaceVariant = Color(0xFF474B47),
    surfaceContainerLow = Color(0xFFF5F4EF),
    surfaceContainer = Color(0xFFEFEFE9),
    surfaceContainerHigh = Color(0xFFE9E9E3),
    surfaceContainerHighest = Color(0xFFE3E4DD),
    outline = Color(0xFF757A75),
    outlineVariant = Color(0xFFC9CCC5),
    inverseSurface = Color(0xFF2E322F),
    inverseOnSurface = Color(0xFFF0F1EC),
    inversePrimary = Color(0xFF93D5BF),
)

private val Dark = darkColorScheme(
    primary = Color(0xFF93D5BF),
    onPrimary = Color(0xFF00382B),
    primaryContainer = Color(0xFF1B4C3F),
    onPrimaryContainer = Color(0xFFCDE8DE),
    secondary = Color(0xFFB4C5EA),
    onSecondary = Color(0xFF1C2C4A),
    secondaryContainer = Color(0xFF2F4039),
    onSecondaryContainer = Color(0xFFD9E5DF),
    tertiary = Color(0xFFFFB87A),
    onTertiary = Color(0xFF4C2700),
    tertiaryContainer = Color(0xFF5F370F),
    onTertiaryContainer = Color(0xFFFFE3CC),
    error = Color(0xFFFFB4AB),
    onError = Color(0xFF690005),
    errorContainer = Color(0xFF7A211C),
    onErrorContainer = Color(0xFFFFDAD6),
    background = Color(0xFF121513),
    onBackground = Color(0xFFE2E4DF),
    surface = Color(0xFF121513),
    onSurface = Color(0xFFE2E4DF),
    surfaceVariant = Color(0xFF3B403C),
    onSurfaceVariant = Color(0xFFC2C8C1),
    surfaceContainerLow = Color(0xFF191D1A),
    surfaceContainer = Color(0xFF1E221F),
    surfaceContainerHigh = Color(0xFF282D29),
    surfaceContainerHighest = Color(0xFF333834),
    outline = Color(0xFF8C938C),
    outlineVariant = Color(0xFF404641),
    inverseSurface = Color(0xFFE2E4DF),
    inverseOnSurface = Color(0xFF2E322F),
    inversePrimary = Color(0xFF1F5F4F),
)

@Composable
fun KithTheme(dark: Boolean = isSystemInDarkTheme(), content: @Composable () -> Unit) {
    MaterialTheme(colorScheme = if (dark) Dark else Light, content = content)
}
