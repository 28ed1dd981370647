package kith

import kith.model.Joining
import kith.notebook.KeyRing
import kith.notebook.Mailbox
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.async
import kotlinx.coroutines.flow.first
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Files
import java.nio.file.Path

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

    private class Device(val notebook: Notebook, val keys: KeyRing) {
        suspend fun sync(mailbox: Mailbox) = notebook.work { run -> sync(mailbox, keys, run) }
    }

    /** Two notebooks in this process that belong together. */
    private fun pair(tell: suspend CoroutineScope.(Device, Device, Mailbox) -> Unit) = story {
        val devices = listOf(PHONE, LAPTOP).map { surroundings ->
            val home = Files.createDirectory(folder.resolve(surroundings.device))
            Device(Notebook.open("$home/notebook.kith", surroundings), KeyRing.inFolder("$home"))
        }
        val (phone, laptop) = devices
        val stick = Files.createDirectory(folder.resolve("stick"))
        try {
            Mailbox.inFolder("$stick").use { shared ->
                shared.prepare()
                val code = phone.notebook.write { invite(shared, phone.keys) }
                val asked = laptop.notebook.write { join(shared, laptop.keys, code) } as Joining.Asked
                assertEquals(asked.digits, phone.notebook.ask { requestToJoin(shared, phone.keys) }?.digits)
                phone.notebook.write { admit(shared, phone.keys, asked.digits) }
                assertEquals(Joining.Joined("phone"), laptop.notebook.write { join(shared, laptop.keys, null) })
                devices.forEach { it.sync(shared) }
                tell(phone, laptop, shared)
            }
        } finally {
            devices.forEach { it.notebook.close() }
        }
    }
}
