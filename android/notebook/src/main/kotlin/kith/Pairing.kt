// Two devices become those of one notebook: what the one does that has it, and what the one does that joins.
// Each step is the bindings' own; what is added is waiting, which ends when whoever waits is cancelled.
package kith

import kith.model.Joining
import kith.model.Knock
import kith.notebook.JoinRequest
import kith.notebook.KeyRing
import kith.notebook.Mailbox
import kith.notebook.Run
import kotlinx.coroutines.delay
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kith.notebook.Notebook as Bindings

/**
 * Pairing through a [mailbox], seen from one of the two devices. Nobody is let in before both have said yes.
 *
 * The one that has the notebook calls [invite], shows the code, waits in [awaitRequest], and with a yes to the digits calls
 * [admit], else [takeBack]. The one that joins calls [knock], shows whose notebook it is, and with a yes calls [agree],
 * else [decline]. A no, or digits that differ, end it at the other device with a `KithException.Declined`.
 *
 * [knock] waits for the other device, which answers in [awaitRequest] or at a sync: neither shows digits before the
 * other can.
 *
 * Waiting ends with an exception, too, when the mailbox cannot be reached; called again, it goes on.
 */
class Pairing(
    private val notebook: Notebook,
    private val mailbox: Mailbox,
    private val keys: KeyRing,
    private val every: Duration = 2.seconds,
) {
    /** Begins an invitation; answers the code. An earlier one is void from then on. */
    suspend fun invite(): String = notebook.work { invite(mailbox, keys, it) }

    /** Waits until the device that was invited asks: with its name, and the digits that it shows as well. */
    suspend fun awaitRequest(): JoinRequest = untilThere { requestToJoin(mailbox, keys, it) }

    /** Somebody here says yes: waits for the yes of the person there, and lets the device in; answers its name. */
    suspend fun admit(request: JoinRequest): String = untilThere { admit(mailbox, keys, request.digits, it) }

    /** Somebody here says no, or waits no more: the code is void, and the other device hears of it. */
    suspend fun takeBack() = notebook.write { Run().use { cancelInvitation(mailbox, keys, it) } }

    /**
     * Asks at the notebook the code leads into, and waits until that has heard of this device; answers what a person has
     * to see before they say yes.
     */
    suspend fun knock(code: String): Knock = untilThere { knock(mailbox, keys, code, it) }

    /**
     * Somebody here says yes: waits until the other device lets this one in; answers its name. What is here is added to
     * the notebook there; a sync brings everything over.
     */
    suspend fun agree(): String {
        notebook.work { agreeToJoin(mailbox, keys, it) }
        return untilThere { (join(mailbox, keys, null, it) as? Joining.Joined)?.from }
    }

    /** Somebody here says no: everything stays as it was, and the other device hears of it. */
    suspend fun decline() = notebook.write { Run().use { declineToJoin(mailbox, keys, it) } }

    private suspend fun <T : Any> untilThere(look: Bindings.(Run) -> T?): T {
        while (true) {
            notebook.work(look)?.let { return it }
            delay(every)
        }
    }
}
