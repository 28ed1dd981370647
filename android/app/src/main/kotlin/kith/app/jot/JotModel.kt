// What the jot screen shows, and what a person can do there.
package kith.app.jot

import android.util.AtomicFile
import androidx.annotation.StringRes
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.setValue
import androidx.compose.ui.text.TextRange
import androidx.compose.ui.text.input.TextFieldValue
import androidx.lifecycle.ViewModel
import androidx.lifecycle.viewModelScope
import kith.Notebook
import kith.app.TheNotebook
import kith.model.ContactId
import kith.model.Draft
import kith.model.Jotted
import kith.model.LookAlike
import kith.model.Parsed
import kotlinx.coroutines.Job
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import java.io.File
import java.io.FileOutputStream
import java.io.IOException

/** The screen as it stands. A plain value. */
data class JotState(
    /** The line, with the cursor in it. */
    val field: TextFieldValue = TextFieldValue(),
    /** How the line is understood; a moment behind what is typed, and none while there is nothing. */
    val parsed: Parsed? = null,
    val isSaving: Boolean = false,
    /** What the line before became. */
    val saved: Saved? = null,
    /** With whom [saved] was made one person, while that can be taken back. */
    val madeOne: MadeOne? = null,
    /** What went wrong, for a person to read. The line is still there. */
    @get:StringRes val failure: Int? = null,
) {
    val canSave get() = field.text.isNotBlank() && !isSaving
}

/** Two records that somebody said are one person, and the name of the one who was known. */
data class MadeOne(val person: ContactId, val known: ContactId, val name: String)

/** A line that is safe: how it was understood, and what it became. */
data class Saved(val draft: Draft, val jotted: Jotted) {
    /** Nobody is offered any more. */
    val decided get() = copy(jotted = jotted.copy(sameAs = emptyList()))
}

/** With a file in which a line that was not saved yet outlives the app; what is in it is typed already. */
class JotModel(private val notebook: TheNotebook, kept: File? = null) : ViewModel() {
    private val kept = kept?.let(::AtomicFile)

    /** Compose's own state, for a text field must see what was typed in the same frame. */
    var state by mutableStateOf(JotState())
        private set
    private var parsing: Job? = null

    init {
        val line = try {
            this.kept?.readFully()?.decodeToString().orEmpty()
        } catch (_: IOException) {
            ""
        }
        type(TextFieldValue(line, TextRange(line.length)))
    }

    /**
     * Writes down what is typed and not saved, for the next time: when the app is left, after which it may be ended at any
     * moment. What cannot be written is still on the screen.
     */
    fun keepLine() {
        val kept = kept ?: return
        val line = state.field.text
        if (line.isEmpty()) return kept.delete()
        var file: FileOutputStream? = null
        try {
            file = kept.startWrite()
            file.write(line.toByteArray())
            kept.finishWrite(file)
        } catch (_: IOException) {
            kept.failWrite(file)
        }
    }

    fun type(field: TextFieldValue) {
        if (state.isSaving) return
        val changed = field.text != state.field.text
        state = state.copy(field = field, failure = if (changed) null else state.failure)
        if (!changed) return
        read(field.text)
        if (field.text.isEmpty()) keepLine()
    }

    /** Writes a mark at the end of the line: a space, the mark, and the cursor after it. */
    fun mark(mark: String) {
        val line = state.field.text.trimEnd().let { if (it.isEmpty()) mark else "$it $mark" }
        type(TextFieldValue(line, TextRange(line.length)))
    }

    fun save() {
        val line = state.field.text
        if (!state.canSave) return
        state = state.copy(isSaving = true, failure = null)
        trying {
            val draft = parse(line).draft
            val jotted = jot(line)
            parsing?.cancel()
            state = JotState(saved = Saved(draft, jotted))
            keepLine()
        }
    }

    /** The person just jotted down is one who was known. */
    fun same(other: LookAlike) {
        val saved = state.saved ?: return
        val person = saved.jotted.contact ?: return
        trying {
            write { same(person, other.person.id) }
            state = state.copy(saved = saved.decided, madeOne = MadeOne(person, other.person.id, other.person.name))
        }
    }

    /** The person just jotted down is none of those who were offered; nobody asks again. */
    fun notSame() {
        val saved = state.saved ?: return
        val person = saved.jotted.contact ?: return
        trying {
            write { saved.jotted.sameAs.forEach { notSame(person, it.person.id) } }
            state = state.copy(saved = saved.decided)
        }
    }

    /** They are two people after all. Whatever else was done meanwhile stays. */
    fun undoSame() {
        val one = state.madeOne ?: return
        trying {
            write { notSame(one.person, one.known) }
            state = state.copy(madeOne = null)
        }
    }

    fun dismiss() {
        state = state.copy(saved = null, madeOne = null, failure = null)
    }

    private fun read(line: String) {
        parsing?.cancel()
        parsing = viewModelScope.launch {
            notebook.ask(failed = { state = state.copy(parsed = null, failure = it) }) {
                // First the answer, then the state it goes into: while it is awaited, a person may tap.
                val parsed = if (line.isBlank()) null else parse(line)
                state = state.copy(parsed = parsed)
            }
        }
    }

    /** A wish is carried out to the end, even if the screen goes away meanwhile. */
    private fun trying(wish: suspend Notebook.() -> Unit) {
        viewModelScope.launch {
            withContext(NonCancellable) {
                notebook.ask(failed = { state = state.copy(isSaving = false, failure = it) }, wish)
            }
        }
    }
}
