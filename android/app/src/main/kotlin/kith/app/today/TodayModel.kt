// What the page of today shows, and what a person can do there.
package kith.app.today

import androidx.annotation.StringRes
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.setValue
import androidx.lifecycle.ViewModel
import androidx.lifecycle.viewModelScope
import kith.Notebook
import kith.app.R
import kith.app.TheNotebook
import kith.model.More
import kith.model.Promise
import kith.model.PromiseId
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
        /** How many more there are of each part than the page shows. */
        val more: More,
        /** The promise that was kept a moment ago, while that can be taken back. */
        val kept: Promise? = null,
        /** What went wrong with the last wish; the page is as it was. */
        @get:StringRes val failure: Int? = null,
    ) : TodayState

    data class Failed(@get:StringRes val message: Int) : TodayState
}

/** How many rows a part of the page shows. */
private const val MOST = 20

class TodayModel(private val notebook: TheNotebook) : ViewModel() {
    var state by mutableStateOf<TodayState>(TodayState.Loading)
        private set
    private var following: Job? = null

    /** What is being written at this moment: the second tap of two finds it here. */
    private val closing = mutableSetOf<PromiseId>()

    /** Reads the page, and follows it from then on. Called again when the app comes back: it may be another day. */
    fun follow() {
        following?.cancel()
        following = viewModelScope.launch {
            val failed = { words: Int -> state = TodayState.Failed(words) }
            notebook.ask(failed) {
                todayPage(MOST).collect { (page, more) ->
                    state = (state as? TodayState.Ready)?.copy(page = page, more = more) ?: TodayState.Ready(page, more)
                }
                // The page follows until the notebook is closed.
                failed(R.string.failed_closed)
            }
        }
    }

    fun keep(promise: Promise) {
        if (!closing.add(promise.id)) return
        trying(ended = { closing -= promise.id }) {
            if (closePromise(promise, PromiseState.Kept)) change { it.copy(kept = promise, failure = null) }
        }
    }

    /** It was not kept after all. Whatever else was done meanwhile stays. */
    fun undoKeep() {
        val promise = (state as? TodayState.Ready)?.kept ?: return
        trying {
            reopen(promise)
            change { it.copy(kept = null, failure = null) }
        }
    }

    /** The offer to take something back is over. */
    fun settle() = change { it.copy(kept = null) }

    private fun change(how: (TodayState.Ready) -> TodayState.Ready) {
        (state as? TodayState.Ready)?.let { state = how(it) }
    }

    /** A wish is carried out to the end, even if the screen goes away meanwhile. */
    private fun trying(ended: () -> Unit = {}, wish: suspend Notebook.() -> Unit) {
        viewModelScope.launch {
            withContext(NonCancellable) {
                notebook.ask(failed = { words -> change { it.copy(failure = words) } }, wish)
                ended()
            }
        }
    }
}
