package kith

import kith.model.KithException
import kith.model.Knock
import kith.notebook.JoinRequest
import kith.notebook.KeyRing
import kith.notebook.Mailbox
import kith.notebook.Run
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Files
import java.nio.file.Path
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kith.notebook.Notebook as Bindings

@Timeout(value = 150, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class DevicesTest {
    @TempDir
    lateinit var folder: Path

    @Test
    fun a_note_typed_on_the_phone_is_read_on_the_laptop() = pair { phone, laptop, shared -> told(phone, laptop, shared) }

    @Test
    fun a_note_typed_on_the_laptop_is_read_on_the_phone() = pair { phone, laptop, shared -> told(laptop, phone, shared) }

    private suspend fun CoroutineScope.told(from: Device, to: Device, shared: Mailbox) {
        from.notebook.jot("Dana Ruiz !call her")
        from.sync(shared)
        // Whoever looks at the page sees it change.
        val seen = async { to.notebook.today().first { it.people > 0UL } }
        to.sync(shared)
        assertEquals("Dana Ruiz", seen.await().iOwe.single().name)
    }

    @Test
    fun two_devices_meet_without_a_folder() = pair { phone, laptop, _ ->
        phone.notebook.jot("Dana Ruiz !call her")
        laptop.notebook.jot("Sam Lee !write to him")
        val (here, there) = listOf(phone, laptop).map { it.notebook.ask { goOnTheNetwork(it.keys, 0u)!! } }
        val serving = async { laptop.notebook.work { run -> there.serve(20_000u, run) } }
        val peer = phone.notebook.ask { peers(phone.keys) }.single()
        val report = phone.notebook.work { run -> here.visit(peer, listOf("127.0.0.1:${there.port()}"), run) }
        assertEquals(0, report.refused.size)
        assertNotNull(serving.await())
        for (device in listOf(phone, laptop)) {
            assertEquals(setOf("Dana Ruiz", "Sam Lee"), device.notebook.today().first().iOwe.map { it.name }.toSet())
        }
        listOf(here, there).forEach { it.use { it.leave() } }
    }

    @Test
    fun a_no_on_either_side_is_told_on_the_other_and_leaves_both_as_they_were() = apart { phone, laptop, shared ->
        val (host, guest) = phone.pairing(shared) to laptop.pairing(shared)
        phone.notebook.jot("Dana Ruiz")
        laptop.notebook.jot("Ben Okafor")
        // The new device sees whose notebook it is, and does not want to.
        val (knock, request) = knocked(host, guest)
        assertEquals("phone" to 1UL, knock.host to knock.people)
        assertEquals(knock.digits, request.digits)
        guest.decline()
        assertThrows<KithException.Declined> { host.admit(request) }
        // The host does not know who asks there.
        knocked(host, guest)
        val agreeing = async { runCatching { guest.agree() } }
        host.takeBack()
        assertInstanceOf(KithException.Declined::class.java, agreeing.await().exceptionOrNull())
        for (device in listOf(phone, laptop)) assertEquals(1UL, device.notebook.today().first().people)
        assertEquals(1, phone.notebook.ask { devices(phone.keys) }.size)
        pair(phone, laptop, shared)
    }

    @Test
    fun who_waits_for_the_other_device_is_let_go_when_cancelled() = apart { phone, _, shared ->
        val host = phone.pairing(shared)
        host.invite()
        val waits = CompletableDeferred<Unit>()
        val waiting = async {
            waits.complete(Unit)
            host.awaitRequest()
        }
        waits.await()
        withTimeout(10.seconds) { waiting.cancelAndJoin() }
        assertThrows<CancellationException>("it ended as cancelled, and not as a failure") { waiting.await() }
        host.takeBack()
    }

    @Test
    fun what_speaks_with_a_mailbox_is_taken_back_and_asked_again() = apart { phone, laptop, shared ->
        phone.notebook.jot("Dana Ruiz")
        for (step in listOf<Bindings.(Run) -> Unit>(
            { invite(shared, phone.keys, it) }, { sync(shared, phone.keys, it) },
            { makeRecoveryKey(shared, phone.keys, null, it) }, { tryMailbox(shared, it) },
        )) {
            val taken = Run().apply { cancel() }
            assertThrows<KithException.Cancelled> { phone.notebook.ask { step(taken) } }
        }
        pair(phone, laptop, shared)
        assertThrows<KithException.Cancelled> {
            phone.notebook.ask { renew(phone.keys, Run().apply { cancel() }) }
        }
        phone.notebook.work { renew(phone.keys, it) }
        laptop.sync(shared)
        assertEquals(1UL, laptop.notebook.today().first().people)
    }

    private class Device(val notebook: Notebook, val keys: KeyRing) {
        suspend fun sync(mailbox: Mailbox) = notebook.work { run -> sync(mailbox, keys, run) }

        /** Its side of pairing; nobody waits long here. */
        fun pairing(mailbox: Mailbox) = Pairing(notebook, mailbox, keys, 10.milliseconds)
    }

    /** What each of the two shows: both wait for the other at once. */
    private suspend fun CoroutineScope.knocked(host: Pairing, guest: Pairing): Pair<Knock, JoinRequest> {
        val code = host.invite()
        val request = async { host.awaitRequest() }
        return guest.knock(code) to request.await()
    }

    private suspend fun CoroutineScope.pair(phone: Device, laptop: Device, shared: Mailbox) {
        val (host, guest) = phone.pairing(shared) to laptop.pairing(shared)
        val (knock, request) = knocked(host, guest)
        val joined = async { guest.agree() }
        assertEquals("laptop" to knock.digits, request.name to request.digits)
        assertEquals("laptop", host.admit(request))
        assertEquals("phone", joined.await())
        listOf(phone, laptop).forEach { it.sync(shared) }
    }

    /** Two notebooks in this process that belong together. */
    private fun pair(tell: suspend CoroutineScope.(Device, Device, Mailbox) -> Unit) = apart { phone, laptop, shared ->
        pair(phone, laptop, shared)
        tell(phone, laptop, shared)
    }

    /** Two notebooks in this process, and a folder that both know. */
    private fun apart(tell: suspend CoroutineScope.(Device, Device, Mailbox) -> Unit) = story {
        val devices = listOf(PHONE, LAPTOP).map { surroundings ->
            val home = Files.createDirectory(folder.resolve(surroundings.device))
            Device(Notebook.open("$home/notebook.kith", surroundings), KeyRing.inFolder("$home"))
        }
        val (phone, laptop) = devices
        val stick = Files.createDirectory(folder.resolve("stick"))
        try {
            Mailbox.inFolder("$stick").use { shared ->
                shared.prepare(Run())
                tell(phone, laptop, shared)
            }
        } finally {
            devices.forEach { it.notebook.close() }
        }
    }
}
