package kith

import kith.model.Area
import kith.model.KithException
import kith.model.Origin
import kith.model.RecordId
import kith.notebook.ChangeListener
import kith.notebook.KeyRing
import kith.notebook.Mailbox
import kith.notebook.PhoneClock
import kith.notebook.PhoneFolder
import kith.notebook.PhoneKeyStore
import kith.notebook.Run
import kotlinx.coroutines.flow.first
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.io.TempDir
import java.lang.reflect.InvocationTargetException
import java.lang.reflect.Proxy
import java.nio.file.Path

/** What a phone lends the notebook may fail in any function, with anything: that is said, and nothing is lost. */
@Timeout(value = 150, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PhoneTest {
    @TempDir
    lateinit var folder: Path

    @Test
    fun whatever_a_folder_throws_in_whatever_function_is_an_error_of_ours_and_nothing_is_lost() = story(120) {
        for (thrown in THROWN) for (function in listOf("prepare", "list", "read", "write", "remove")) {
            val home = folder.resolve("$function-${thrown().javaClass.simpleName}").apply { toFile().mkdirs() }
            val (cloud, mood) = moody<PhoneFolder>(Cloud())
            val keys = KeyRing.inFolder("$home")
            Mailbox.throughPhone("a cloud", cloud).use { mailbox ->
                notebookIn(home).use { notebook ->
                    notebook.jot("Dana Ruiz")
                    mood.set(function, thrown)
                    val told = listOf<suspend () -> Unit>(
                        { notebook.work { tryMailbox(mailbox, it) } },
                        { notebook.work { sync(mailbox, keys, it) } },
                    ).mapNotNull { runCatching { it() }.exceptionOrNull() }
                    // What is no exception comes over as if all had gone well; only a folder that is not made is not missed.
                    assertTrue(told.isNotEmpty() || function == "prepare" && thrown() is Error, "$function tells nothing")
                    assertTrue(told.all { it is KithException.Unreachable }, "$function: $told")
                    mood.clear()
                    notebook.work { tryMailbox(mailbox, it) }
                    notebook.work { sync(mailbox, keys, it) }
                    assertEquals(0UL, notebook.ask { sizes() }.outbox, "$function: all of it lies there now")
                }
            }
        }
    }

    @Test
    fun whatever_a_key_store_throws_in_whatever_function_is_an_error_of_ours_and_nothing_is_lost() = story(120) {
        for (thrown in THROWN) for (function in listOf("read", "write", "remove")) {
            val home = folder.resolve("$function-${thrown().javaClass.simpleName}").apply { toFile().mkdirs() }
            val stick = home.resolve("stick").apply { toFile().mkdirs() }
            val (store, mood) = moody<PhoneKeyStore>(Secrets())
            val keys = KeyRing.ofPhone(store, "$home")
            Mailbox.inFolder("$stick").use { mailbox ->
                mailbox.prepare(Run())
                notebookIn(home).use { notebook ->
                    notebook.jot("Dana Ruiz")
                    mood.set(function, thrown)
                    val told = listOf<suspend () -> Unit>(
                        // The first sync draws keys and keeps them; the second invitation forgets the first.
                        { notebook.work { sync(mailbox, keys, it) } },
                        { notebook.work { invite(mailbox, keys, it) } },
                        { notebook.work { invite(mailbox, keys, it) } },
                    ).mapNotNull { runCatching { it() }.exceptionOrNull() }
                    assertTrue(told.isNotEmpty(), "$function tells nothing")
                    assertTrue(told.all { it is KithException.Storage }, "$function: $told")
                    mood.clear()
                    notebook.work { sync(mailbox, keys, it) }
                    notebook.work { invite(mailbox, keys, it) }
                    assertEquals(1, notebook.ask { devices(keys) }.size)
                }
            }
        }
    }

    @Test
    fun whatever_a_clock_or_a_listener_throws_is_passed_over() = story {
        for (thrown in THROWN) {
            val (clock, broken) = moody<PhoneClock>(object : PhoneClock { override fun unixMs() = 0L })
            val (ear, deaf) = moody<ChangeListener>(object : ChangeListener {
                override fun changed(areas: List<Area>, ids: List<RecordId>, origin: Origin) {}
            })
            broken.set("unixMs", thrown)
            deaf.set("changed", thrown)
            Notebook.open("$folder/${thrown().javaClass.simpleName}.kith", PHONE, clock).use { notebook ->
                notebook.ask { observe(ear) }.use {
                    notebook.jot("Dana Ruiz")
                    notebook.jot("Sam Lee")
                }
                assertEquals(2UL, notebook.today().first().people)
            }
        }
    }

    private class Mood {
        @Volatile private var at: Pair<String, () -> Throwable>? = null

        fun set(function: String, thrown: () -> Throwable) {
            at = function to thrown
        }

        fun clear() {
            at = null
        }

        fun throwIfIn(function: String) {
            at?.let { (where, what) -> if (where == function) throw what() }
        }
    }

    /** The same, but for what it throws when it is in the mood. */
    private inline fun <reified T : Any> moody(real: T): Pair<T, Mood> {
        val mood = Mood()
        val proxy = Proxy.newProxyInstance(T::class.java.classLoader, arrayOf(T::class.java)) { _, method, arguments ->
            mood.throwIfIn(method.name)
            try {
                method.invoke(real, *arguments.orEmpty())
            } catch (failed: InvocationTargetException) {
                throw failed.targetException
            }
        }
        return proxy as T to mood
    }

    private companion object {
        /** The generated code passes on an exception. An `Error` of Kotlin it lets through to JNA, which drops it. */
        val THROWN = listOf<() -> Throwable>({ IllegalStateException("a mistake") }, { NotImplementedError() })
    }
}
