// One line, one thumb: the line at the bottom, above the keyboard; above it how it is understood, or what it became.
package kith.app.jot

import androidx.annotation.StringRes
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.FlowRow
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.horizontalScroll
import androidx.compose.foundation.rememberScrollState
import androidx.compose.foundation.text.KeyboardActions
import androidx.compose.foundation.text.KeyboardOptions
import androidx.compose.foundation.verticalScroll
import androidx.compose.material3.Button
import androidx.compose.material3.Card
import androidx.compose.material3.CardDefaults
import androidx.compose.material3.HorizontalDivider
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedTextField
import androidx.compose.material3.SuggestionChip
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.runtime.Composable
import androidx.compose.runtime.remember
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.LiveRegionMode
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.liveRegion
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.AnnotatedString
import androidx.compose.ui.text.SpanStyle
import androidx.compose.ui.text.buildAnnotatedString
import androidx.compose.ui.text.font.FontWeight
import androidx.compose.ui.text.input.ImeAction
import androidx.compose.ui.text.input.KeyboardCapitalization
import androidx.compose.ui.text.input.OffsetMapping
import androidx.compose.ui.text.input.TransformedText
import androidx.compose.ui.text.input.VisualTransformation
import androidx.compose.ui.text.style.TextDecoration
import androidx.compose.ui.text.style.TextOverflow
import androidx.compose.ui.text.withStyle
import androidx.compose.ui.unit.dp
import kith.app.Failure
import kith.app.R
import kith.app.Title
import kith.app.short
import kith.model.Draft
import kith.model.DraftPromise
import kith.model.Jotted
import kith.model.Span
import kith.model.SpanKind
import kith.model.Whose

@Composable
fun JotScreen(model: JotModel, modifier: Modifier = Modifier) {
    val state = model.state
    Column(modifier.fillMaxSize()) {
        Column(
            Modifier.weight(1f).fillMaxWidth().verticalScroll(rememberScrollState()).padding(horizontal = 20.dp),
            verticalArrangement = Arrangement.spacedBy(12.dp),
        ) {
            Title(stringResource(R.string.jot))
            val (parsed, saved) = state.parsed to state.saved
            saved?.let { SavedCard(it.jotted, state, model) }
            when {
                parsed != null -> Pieces(R.string.jot_understood, parsed.draft)
                state.field.text.isNotBlank() -> Unit
                saved != null -> Pieces(R.string.jot_written, saved.draft)
                else -> Invitation()
            }
        }
        state.failure?.let { Failure(it, Modifier.padding(horizontal = 20.dp)) }
        Line(state, model)
    }
}

/** The line and its button, in reach of a thumb. */
@Composable
private fun Line(state: JotState, model: JotModel) {
    Column(Modifier.padding(bottom = 12.dp), verticalArrangement = Arrangement.spacedBy(8.dp)) {
        HorizontalDivider(color = MaterialTheme.colorScheme.outlineVariant)
        Marks(model::mark)
        val spans = state.parsed?.spans.orEmpty()
        val styles = spanStyles()
        OutlinedTextField(
            value = state.field,
            onValueChange = model::type,
            modifier = Modifier.fillMaxWidth().padding(horizontal = 20.dp),
            readOnly = state.isSaving,
            label = { Text(stringResource(R.string.jot_line)) },
            isError = state.failure != null,
            visualTransformation = remember(spans, styles) { Coloured(spans, styles) },
            keyboardOptions = KeyboardOptions(KeyboardCapitalization.Sentences, imeAction = ImeAction.Done),
            keyboardActions = KeyboardActions(onDone = { model.save() }),
            maxLines = 4,
        )
        Button(
            onClick = model::save,
            enabled = state.canSave,
            modifier = Modifier.fillMaxWidth().padding(horizontal = 20.dp).heightIn(min = 56.dp),
        ) {
            Text(stringResource(if (state.isSaving) R.string.jot_saving else R.string.jot_save))
        }
    }
}

/** The marks as buttons, for on a phone's keyboard they are two taps away. */
@Composable
private fun Marks(mark: (String) -> Unit) {
    Row(
        Modifier.fillMaxWidth().horizontalScroll(rememberScrollState()).padding(horizontal = 20.dp),
        horizontalArrangement = Arrangement.spacedBy(8.dp),
    ) {
        for (words in MARKS) {
            val label = stringResource(words)
            SuggestionChip(
                onClick = { mark(label.take(1)) },
                label = { Text(label) },
                modifier = Modifier.heightIn(min = 48.dp),
            )
        }
    }
}

private val MARKS = listOf(
    R.string.mark_promise,
    R.string.mark_need,
    R.string.mark_offer,
    R.string.mark_topic,
    R.string.mark_person,
    R.string.mark_spark,
)

@Composable
private fun Invitation() {
    Text(stringResource(R.string.jot_empty), style = MaterialTheme.typography.titleMedium)
    Card(Modifier.fillMaxWidth(), colors = CardDefaults.cardColors(MaterialTheme.colorScheme.surfaceContainer)) {
        Text(stringResource(R.string.jot_example), Modifier.padding(16.dp), style = MaterialTheme.typography.bodyLarge)
    }
    Text(
        stringResource(R.string.jot_empty_more),
        color = MaterialTheme.colorScheme.onSurfaceVariant,
        style = MaterialTheme.typography.bodyMedium,
    )
}

/** Everything a line says, piece by piece, each with what it is in words: colour alone tells nobody. */
@Composable
private fun Pieces(@StringRes title: Int, draft: Draft) {
    val pieces = pieces(draft)
    if (pieces.isEmpty()) return
    Text(
        stringResource(title),
        Modifier.semantics { heading() },
        color = MaterialTheme.colorScheme.primary,
        style = MaterialTheme.typography.titleSmall,
    )
    Column(Modifier.padding(bottom = 16.dp), verticalArrangement = Arrangement.spacedBy(10.dp)) {
        for ((label, words) in pieces) {
            Column(Modifier.semantics(mergeDescendants = true) {}) {
                Text(
                    stringResource(label),
                    color = MaterialTheme.colorScheme.onSurfaceVariant,
                    style = MaterialTheme.typography.labelMedium,
                )
                Text(words, style = MaterialTheme.typography.bodyLarge)
            }
        }
    }
}

/** The pieces of a draft, in the order of importance. */
@Composable
private fun pieces(draft: Draft): List<Pair<Int, String>> = buildList {
    fun piece(@StringRes label: Int, words: String) = words.takeIf(String::isNotBlank)?.let { add(label to it) }
    piece(R.string.piece_name, draft.name.orEmpty())
    piece(R.string.piece_organisation, draft.organisation)
    piece(R.string.piece_role, draft.role)
    draft.promises.forEach { piece(it.label, byDay(it.words, it.due)) }
    draft.needs.forEach { piece(R.string.piece_need, byDay(it.words, it.decideOn)) }
    draft.offers.forEach { piece(R.string.piece_offer, it) }
    draft.people.forEach { piece(R.string.piece_person, it) }
    piece(R.string.piece_topic, draft.topics.joinToString(", "))
    if (draft.spark) piece(R.string.piece_spark, stringResource(R.string.piece_spark_words))
    piece(R.string.piece_channel, draft.channels.joinToString("\n") { it.value })
    piece(R.string.piece_note, draft.note)
    piece(R.string.jot_day_not_read, draft.unreadDays.joinToString(", "))
}

private val DraftPromise.label
    get() = when (whose) {
        Whose.Theirs -> R.string.piece_promise_theirs
        Whose.Myself -> R.string.piece_promise_myself
        else -> R.string.piece_promise_mine
    }

@Composable
private fun byDay(words: String, day: String?) =
    if (day == null) words else stringResource(R.string.jot_by_day, words, day.short())

/** What the line became, and who it may be. */
@Composable
private fun SavedCard(saved: Jotted, state: JotState, model: JotModel) {
    Card(
        Modifier.fillMaxWidth().semantics { liveRegion = LiveRegionMode.Polite },
        colors = CardDefaults.cardColors(
            MaterialTheme.colorScheme.primaryContainer,
            MaterialTheme.colorScheme.onPrimaryContainer,
        ),
    ) {
        Column(Modifier.padding(start = 16.dp, end = 16.dp, top = 16.dp, bottom = 4.dp)) {
            Text(
                savedWords(saved),
                maxLines = 3,
                overflow = TextOverflow.Ellipsis,
                style = MaterialTheme.typography.titleMedium,
            )
            if (saved.sameAs.isNotEmpty()) {
                Text(
                    stringResource(R.string.jot_same_as),
                    Modifier.padding(top = 12.dp).semantics { heading() },
                    style = MaterialTheme.typography.titleSmall,
                )
                for (other in saved.sameAs) {
                    val about = listOf(other.person.organisation, other.why).filter(String::isNotBlank)
                    Text(
                        about.joinToString(" · "),
                        Modifier.padding(vertical = 8.dp),
                        maxLines = 3,
                        overflow = TextOverflow.Ellipsis,
                        style = MaterialTheme.typography.bodyMedium,
                    )
                    Button(onClick = { model.same(other) }, modifier = Modifier.fillMaxWidth().heightIn(min = 48.dp)) {
                        Text(
                            stringResource(R.string.jot_same, other.person.name),
                            maxLines = 2,
                            overflow = TextOverflow.Ellipsis,
                        )
                    }
                }
                CardButton(R.string.jot_not_same, model::notSame)
            } else {
                state.madeOne?.let { one ->
                    Text(
                        stringResource(R.string.jot_made_one, one.name),
                        Modifier.padding(top = 8.dp),
                        maxLines = 3,
                        overflow = TextOverflow.Ellipsis,
                        style = MaterialTheme.typography.bodyMedium,
                    )
                }
                FlowRow(Modifier.fillMaxWidth(), horizontalArrangement = Arrangement.End) {
                    if (state.madeOne != null) CardButton(R.string.undo) { model.undoSame() }
                    CardButton(R.string.dismiss, model::dismiss)
                }
            }
        }
    }
}

@Composable
private fun CardButton(@StringRes words: Int, onClick: () -> Unit) {
    TextButton(onClick, Modifier.heightIn(min = 48.dp)) {
        Text(stringResource(words), color = MaterialTheme.colorScheme.onPrimaryContainer)
    }
}

@Composable
private fun savedWords(saved: Jotted): String = when {
    saved.contact == null -> stringResource(R.string.jot_saved_to_self)
    saved.name.isBlank() -> stringResource(R.string.jot_saved_unnamed)
    saved.known -> stringResource(R.string.jot_saved_known, saved.name)
    else -> stringResource(R.string.jot_saved_new, saved.name)
}

/** Shows each piece of the line in its own way, as long as these are the pieces of this very line. */
private class Coloured(private val spans: List<Span>, private val styles: Map<SpanKind, SpanStyle>) :
    VisualTransformation {
    override fun filter(text: AnnotatedString): TransformedText {
        if (spans.joinToString("") { it.text } != text.text) return TransformedText(text, OffsetMapping.Identity)
        val coloured = buildAnnotatedString {
            for (span in spans) withStyle(styles[span.kind] ?: SpanStyle()) { append(span.text) }
        }
        return TransformedText(coloured, OffsetMapping.Identity)
    }
}

@Composable
private fun spanStyles(): Map<SpanKind, SpanStyle> {
    val colors = MaterialTheme.colorScheme
    return remember(colors) {
        val promise = SpanStyle(colors.primary, fontWeight = FontWeight.SemiBold)
        val need = SpanStyle(colors.tertiary, fontWeight = FontWeight.SemiBold)
        val other = SpanStyle(colors.secondary, fontWeight = FontWeight.SemiBold)
        mapOf(
            SpanKind.NAME to SpanStyle(colors.onSurface, fontWeight = FontWeight.Bold),
            SpanKind.PROMISE_MINE to promise,
            SpanKind.PROMISE_THEIRS to promise,
            SpanKind.NEED to need,
            SpanKind.OFFER to other,
            SpanKind.PERSON to other,
            SpanKind.TOPIC to other,
            SpanKind.CHANNEL to other,
            SpanKind.SPARK to need,
            SpanKind.DAY to promise.copy(textDecoration = TextDecoration.Underline),
        )
    }
}
