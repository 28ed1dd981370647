// What went wrong, in words for a person; the exception's own words are for a log.
package kith.app

import androidx.annotation.StringRes
import kith.model.KithException

@get:StringRes
val KithException.words: Int
    get() = when (this) {
        is KithException.Invalid -> R.string.failed_invalid
        // A record, or a place: a drive that is not plugged in.
        is KithException.NotFound -> R.string.failed_not_found
        is KithException.Exists -> R.string.failed_exists
        is KithException.Denied -> R.string.failed_denied
        is KithException.Storage -> R.string.failed_storage
        is KithException.Unreadable -> R.string.failed_unreadable
        is KithException.NeedsUpdate -> R.string.failed_needs_update
        is KithException.Unreachable -> R.string.failed_unreachable
        is KithException.Foreign -> R.string.failed_foreign
        is KithException.Removed -> R.string.failed_removed
        is KithException.Declined -> R.string.failed_declined
        is KithException.SyncFirst -> R.string.failed_sync_first
        is KithException.Peer -> R.string.failed_peer
        is KithException.Cancelled -> R.string.failed_cancelled
        is KithException.Closed -> R.string.failed_closed
        is KithException.Panicked -> R.string.failed_panicked
    }
