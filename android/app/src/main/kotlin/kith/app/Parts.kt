// What several screens show alike.
package kith.app

import androidx.annotation.StringRes
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.padding
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.runtime.Composable
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.LiveRegionMode
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.liveRegion
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.unit.dp

/** The name of a screen. */
@Composable
fun Title(words: String, modifier: Modifier = Modifier) {
    Text(
        words,
        modifier.padding(top = 16.dp).semantics { heading() },
        style = MaterialTheme.typography.headlineMedium,
    )
}

/** A failure, said in words, with a way on where there is one. */
@Composable
fun Failure(@StringRes words: Int, modifier: Modifier = Modifier, onTryAgain: (() -> Unit)? = null) {
    Surface(
        modifier.fillMaxWidth().padding(vertical = 8.dp).semantics { liveRegion = LiveRegionMode.Assertive },
        shape = MaterialTheme.shapes.medium,
        color = MaterialTheme.colorScheme.errorContainer,
    ) {
        Column(Modifier.padding(16.dp)) {
            Text(stringResource(words), style = MaterialTheme.typography.bodyLarge)
            if (onTryAgain != null) {
                TextButton(onTryAgain, Modifier.align(Alignment.End).heightIn(min = 48.dp)) {
                    Text(stringResource(R.string.try_again), color = MaterialTheme.colorScheme.onErrorContainer)
                }
            }
        }
    }
}
