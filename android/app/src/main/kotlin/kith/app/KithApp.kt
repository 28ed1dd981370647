// The one notebook of this phone.
package kith.app

import android.app.Application
import android.os.Build
import kith.Notebook
import kith.model.KithException
import kith.notebook.Surroundings
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import java.time.ZoneId

class KithApp : Application() {
    val notebook = TheNotebook {
        val here = Surroundings(device = Build.MODEL.ifBlank { "Android" }, zone = ZoneId.systemDefault().id)
        Notebook.open(filesDir.resolve("notebook.kith").path, here)
    }
}

/**
 * Opens the notebook when it is first asked for; if that fails, whoever asks next tries again. One that was closed is
 * opened anew.
 */
class TheNotebook(private val open: suspend () -> Notebook) {
    private val lock = Mutex()
    private var opened: Notebook? = null

    suspend fun get(): Notebook = lock.withLock {
        opened?.takeUnless { it.isClosed } ?: opening().also { opened = it }
    }

    /** Asks something of the open notebook. What fails, be it the opening, is handed over as words for a person. */
    suspend fun ask(failed: (Int) -> Unit, wish: suspend Notebook.() -> Unit) {
        try {
            get().wish()
        } catch (failure: KithException) {
            failed(failure.words)
        } catch (_: NoLibrary) {
            failed(R.string.failed_no_library)
        }
    }

    /** The library is looked for when something is first asked of it, and none of these is a failure of the notebook's. */
    private suspend fun opening(): Notebook = try {
        open()
    } catch (missing: LinkageError) {
        throw NoLibrary(missing)
    } catch (other: kith.notebook.InternalException) {
        throw NoLibrary(other)
    } catch (other: kith.model.InternalException) {
        throw NoLibrary(other)
    }
}

/** The notebook's library is not in this app, not for this phone's processor, or of another version. */
class NoLibrary(why: Throwable) : Exception(why)
