// The one notebook of this phone.
package kith.app

import android.app.Application
import android.os.Build
import kith.Notebook
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

/** Opens the notebook when it is first asked for; if that fails, whoever asks next tries again. */
class TheNotebook(private val open: suspend () -> Notebook) {
    private val lock = Mutex()
    private var opened: Notebook? = null

    suspend fun get(): Notebook = lock.withLock { opened ?: open().also { opened = it } }
}
