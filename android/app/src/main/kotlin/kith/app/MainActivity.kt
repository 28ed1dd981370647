// The screens, and the way from one to the other.
package kith.app

import android.os.Bundle
import androidx.activity.ComponentActivity
import androidx.activity.compose.setContent
import androidx.activity.enableEdgeToEdge
import androidx.activity.viewModels
import androidx.annotation.DrawableRes
import androidx.annotation.StringRes
import androidx.compose.foundation.layout.consumeWindowInsets
import androidx.compose.foundation.layout.imePadding
import androidx.compose.foundation.layout.padding
import androidx.compose.material3.Icon
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.NavigationBar
import androidx.compose.material3.NavigationBarItem
import androidx.compose.material3.NavigationBarItemDefaults
import androidx.compose.material3.Scaffold
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.saveable.rememberSaveable
import androidx.compose.runtime.setValue
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.painterResource
import androidx.compose.ui.res.stringResource
import androidx.lifecycle.lifecycleScope
import androidx.lifecycle.viewmodel.initializer
import androidx.lifecycle.viewmodel.viewModelFactory
import kith.app.jot.JotModel
import kith.app.jot.JotScreen
import kith.app.today.TodayModel
import kith.app.today.TodayScreen
import kotlinx.coroutines.launch
import java.time.ZoneId

class MainActivity : ComponentActivity() {
    private val notebook get() = (application as KithApp).notebook
    private val jot by viewModels<JotModel> {
        viewModelFactory { initializer { JotModel(notebook, filesDir.resolve("line")) } }
    }
    private val today by viewModels<TodayModel> { viewModelFactory { initializer { TodayModel(notebook) } } }

    override fun onCreate(savedInstanceState: Bundle?) {
        enableEdgeToEdge()
        super.onCreate(savedInstanceState)
        setContent { KithTheme { Screens(jot, today) } }
    }

    override fun onResume() {
        super.onResume()
        today.follow()
        // Another process, such as a share sheet, may have written meanwhile, and the phone may be in another zone; whoever
        // shows a page is told.
        lifecycleScope.launch {
            // The screens meet the same failure and say it.
            notebook.ask(failed = {}) {
                ask {
                    setZone(ZoneId.systemDefault().id)
                    lookAround()
                }
            }
        }
    }

    override fun onStop() {
        super.onStop()
        jot.keepLine()
    }
}

/** The screens there are; the first is where one begins. */
enum class Place(@get:StringRes val words: Int, @get:DrawableRes val icon: Int) {
    JOT(R.string.jot, R.drawable.ic_jot),
    TODAY(R.string.today, R.drawable.ic_today),
}

@Composable
fun Screens(jot: JotModel, today: TodayModel, first: Place = Place.JOT) {
    var place by rememberSaveable { mutableStateOf(first) }
    Scaffold(
        bottomBar = {
            NavigationBar {
                for (one in Place.entries) {
                    NavigationBarItem(
                        selected = place == one,
                        onClick = { place = one },
                        icon = { Icon(painterResource(one.icon), contentDescription = null) },
                        label = { Text(stringResource(one.words)) },
                        colors = NavigationBarItemDefaults.colors(
                            selectedTextColor = MaterialTheme.colorScheme.onSurface,
                        ),
                    )
                }
            }
        },
    ) { edges ->
        val inside = Modifier.padding(edges).consumeWindowInsets(edges).imePadding()
        when (place) {
            Place.JOT -> JotScreen(jot, inside)
            Place.TODAY -> TodayScreen(today, onJot = { place = Place.JOT }, inside)
        }
    }
}
