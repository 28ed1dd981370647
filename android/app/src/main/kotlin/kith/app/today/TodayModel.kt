// What the page of today shows, and what a person can do there.
package kith.app.today

import androidx.annotation.StringRes
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.setValue
import androidx.lifecycle.ViewModel
import androidx.lifecycle.viewModelScope
import kith.Notebook
import kith.app.TheNotebook
import kith.app.words
import kith.model.KithException
import kith.model.Promise
import kith.model.PromiseState
import kith.model.Today
import kotlinx.coroutines.Job
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/** The screen as it stands: what every screen that reads a page is one of. */
sealed interface TodayState {
    data object Loading : TodayState

    data class Ready(
        val page: Today,
        /** The promise that was kept a moment ago, while that can be taken back. */
        val kept: Promise? = null,
        /** What went wrong with the last wish; the page is as it was. */
        @get:StringRes val failure: Int? = null,
    ) : TodayState

    data class Failed(@get:StringRes val message: Int) : TodayState
}

class TodayModel(private val notebook: TheNotebook) : ViewModel() {
    var state by mutableStateOf<TodayState>(TodayState.Loading)
        private set
    private var following: Job? = null

    /** Reads the page, and follows it from then on. Called again when the app comes back: it may be another day. */
    fun follow() {
        following?.cancel()
        following = viewModelScope.launch {
            try {
                notebook.get().today().collect { page ->
                    state = (state as? TodayState.Ready)?.copy(page = page) ?: TodayState.Ready(page)
                }
            } catch (failure: KithException) {
                state = TodayState.Failed(failure.words)
            }
        }
    }

    fun keep(promise: Promise) = trying {
        write { closePromise(promise.id, PromiseState.Kept, today()) }
        change { it.copy(kept = promise, failure = null) }
    }

    /** It was not kept after all. */
    fun undoKeep() = trying {
        write { undo() }
        change { it.copy(kept = null, failure = null) }
    }

    /** The offer to take something back is over. */
    fun settle() = change { it.copy(kept = null) }

    private fun change(how: (TodayState.Ready) -> TodayState.Ready) {
        (state as? TodayState.Ready)?.let { state = how(it) }
    }

    /** A wish is carried out to the end, even if the screen goes away meanwhile. */
    private fun trying(wish: suspend Notebook.() -> Unit) {
        viewModelScope.launch {
            try {
                withContext(NonCancellable) { notebook.get().wish() }
            } catch (failure: KithException) {
                change { it.copy(failure = failure.words) }
            }
        }
    }
}
