// The stories of tests/vectors from Kotlin: what is said there happens here, and is answered the same.
package kith

import kith.model.AnyRecord
import kith.model.Debrief
import kith.model.DeviceSettings
import kith.model.ExportForm
import kith.model.IntroductionStep
import kith.model.Kind
import kith.model.KithException
import kith.model.PeopleFilter
import kith.model.PromiseState
import kith.notebook.KeyRing
import kith.notebook.Mailbox
import kith.notebook.PhoneClock
import kith.notebook.Run
import kith.notebook.Surroundings
import kith.notebook.blank
import kith.notebook.isExport
import kith.notebook.restoreBackup
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.booleanOrNull
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.put
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.lang.reflect.Modifier
import java.nio.file.Files
import java.nio.file.Path
import java.time.Instant
import kotlin.io.path.createDirectory
import kotlin.io.path.deleteRecursively
import kotlin.io.path.isRegularFile
import kotlin.io.path.listDirectoryEntries
import kotlin.io.path.name
import kotlin.io.path.nameWithoutExtension
import kotlin.io.path.readLines
import kotlin.io.path.readText
import kotlin.io.path.walk
import kotlin.io.path.writeText
import kith.notebook.Notebook as Bindings

class StoriesTest {
    private val stories =
        Path.of(System.getProperty("kith.android")).resolve("../tests/vectors").listDirectoryEntries("*.json").sorted()

    @TestFactory
    fun stories(): List<DynamicTest> = stories.map { file -> dynamicTest(file.nameWithoutExtension) { tell(file) } }

    @Test
    fun all_stories_are_told() {
        println("${stories.size} stories")
        assertEquals(30, stories.size)
    }

    @Test
    fun what_nobody_knows_fails_the_runner(@TempDir folder: Path) {
        val nobody = "00000000000000000000000000000001"
        val unknown = listOf(
            "dance" to """{"do": "dance"}""",
            "twice" to """{"do": "today", "twice": true}""",
            "twice" to """{"do": "today", "with": {"twice": true}}""",
            "dreamt" to """{"do": "close_promise", "with": {"id": "$nobody", "state": "dreamt", "day": "2026-11-22"}}""",
            "danced" to """{"do": "advance_introduction", "with": {"id": "$nobody", "step": "danced"}}""",
            "knots" to """{"do": "export_file", "with": {"file": "all", "form": "knots", "private": true}}""",
            "perhaps" to """{"do": "export_file", "with": {"file": "all", "form": "json", "private": "perhaps"}}""",
            "misspelt" to """{"do": "today_page", "expect": {"misspelt": []}}""",
            "misspelt" to """{"do": "device_settings", "expect": {"misspelt.lock": false}}""",
            "misspelt" to """{"do": "parse_jot", "with": {"line": "Dana"}, "expect": {"spans": [{"misspelt": ""}]}}""",
            "twice" to """{"do": "person_page", "with": {"id": "$nobody", "twice": true}, "fails": "NotFound"}""",
        )
        val world = World(folder, "2026-11-22T09:00:00Z", emptyMap())
        for ((word, step) in unknown) {
            val told = assertThrows<Throwable> { world.step("a step", With(Json.parseToJsonElement(step).jsonObject)) }
            assertTrue(word in told.message.orEmpty(), "$told")
        }
        world.notebooks.values.forEach { it.shut() }
    }

    private fun tell(file: Path) {
        val story = With(Json.parseToJsonElement(file.readText()).jsonObject)
        val folder = Files.createTempDirectory("kith-story")
        try {
            val world = World(folder, story.text("now"), story.or("names")?.jsonObject.orEmpty())
            story.text("story")
            story.take("steps").jsonArray.forEachIndexed { number, step ->
                world.step("${file.nameWithoutExtension}, step ${number + 1}", With(step.jsonObject))
            }
            story.ended("a story")
            world.notebooks.values.forEach { it.shut() }
        } finally {
            @OptIn(kotlin.io.path.ExperimentalPathApi::class)
            folder.deleteRecursively()
        }
    }
}

/** The devices of a story, the folder they share, and the names that were given to ids. */
private class World(val folder: Path, now: String, names: Map<String, JsonElement>) {
    val notebooks = mutableMapOf<String, Bindings>()
    private val names = names.mapValues { (_, id) -> id.jsonPrimitive.content }.toMutableMap()
    private var now = Instant.parse(now)
    private val clock = object : PhoneClock {
        override fun unixMs() = this@World.now.toEpochMilli()
    }
    private val shared = folder.resolve("mailbox").createDirectory()
    private val mailbox = Mailbox.inFolder("$shared").apply { prepare(Run()) }

    fun step(place: String, step: With) {
        val (doing, device) = step.text("do") to (step.or("device")?.jsonPrimitive?.content ?: "phone")
        val with = With(step.or("with")?.let(::meant)?.jsonObject ?: JsonObject(emptyMap()))
        val (name, fails) = listOf("as", "fails").map { step.or(it)?.jsonPrimitive?.content }
        val expect = step.or("expect")
        step.ended(place)
        val answer = try {
            plain(doIt(doing, device, with).takeIf { it != Unit })
        } catch (error: KithException) {
            assertEquals(fails, error::class.simpleName, "$place: ${error.message}")
            with.ended("$place, $doing")
            return
        }
        assertEquals(fails, null, "$place: answered $answer")
        with.ended("$place, $doing")
        if (name != null) names[name] = bound(answer)
        if (expect == null) return
        val seen = if (expect is JsonObject) JsonObject(expect.mapValues { at(answer, it.key.split(".")) }) else answer
        allThere(seen, expect)
        assertEquals(compared(expect), compared(seen), place)
    }

    /** What is handed over: `$dana` is the id of that name. */
    private fun meant(value: JsonElement): JsonElement = when (value) {
        is JsonArray -> JsonArray(value.map(::meant))
        is JsonObject -> JsonObject(value.mapValues { meant(it.value) })
        is JsonPrimitive ->
            if (value.isString && value.content.startsWith("$")) {
                JsonPrimitive(names.getValue(value.content.drop(1)))
            } else {
                value
            }
    }

    /** With names instead of ids, without ids that have no name, and what is empty as nothing. */
    private fun compared(value: JsonElement): JsonElement = when (value) {
        is JsonArray -> if (value.isEmpty()) JsonNull else JsonArray(value.map(::compared))
        is JsonObject ->
            JsonObject(value.mapValues { compared(it.value) }.filterValues { it != JsonNull }).ifEmpty { JsonNull }
        is JsonPrimitive -> when {
            value.isString && value.content in names.values ->
                JsonPrimitive("$" + names.entries.first { it.value == value.content }.key)
            value.isString -> if (value.content.isEmpty() || ID.matches(value.content)) JsonNull else value
            else -> if (value.content == "0" || value.content == "false") JsonNull else value
        }
    }

    private fun file(with: With, key: String = "file") = folder.resolve(with.text(key))

    private fun home(device: String): Path = Files.createDirectories(folder.resolve(device))

    private fun keys(device: String) = KeyRing.inFolder("${home(device)}/secrets")

    private fun notebook(device: String) = notebooks.getOrPut(device) {
        Bindings.open("${home(device)}/notebook.kith", Surroundings(device, "Europe/Paris"), clock)
    }

    /** Does one thing: what is no function of the library first. */
    private fun doIt(doing: String, device: String, with: With): Any? = when (doing) {
        "clock" -> with.text("now").let { now = Instant.parse(it) }
        "write_file" -> with.texts("lines").let { file(with, "name").writeText(it.joinToString("\n") + "\n") }
        "write_export" -> {
            val export = buildJsonObject {
                put("format", "kith-notebook")
                put("version", with.take("version"))
                put("records", with.take("records"))
            }
            file(with, "name").writeText("$export")
        }
        "lines_of" -> {
            val beginning = with.texts("beginning")
            file(with, "name").readLines().filter { line -> beginning.any(line::startsWith) }
        }
        "records_of" -> {
            val kind = with.take("kind")
            val records = Json.parseToJsonElement(file(with, "name").readText()).jsonObject["records"]!!
            records.jsonArray.filter { it.jsonObject["record"] == kind }
        }
        "damage" -> {
            val ending = with.text("ending")
            val files = shared.walk().filter { it.isRegularFile() && it.name.endsWith(ending) }.toList()
            files.onEach { it.writeText("damaged ".repeat(20)) }.size
        }
        "pair" -> pair(device, with.text("new"))
        "is_export" -> isExport("${file(with)}")
        "restore_backup" -> restoreBackup("${file(with)}", "${home(device)}/notebook.kith", with.maybe("passphrase"), Run())
        "join" -> notebook(device).join(mailbox, keys(device), with.text("code"), Run()).let { }
        "sync" -> notebook(device).sync(mailbox, keys(device), Run())
        "devices" -> notebook(device).devices(keys(device))
        "remove_device" -> notebook(device).removeDevice(keys(device), with.text("device"))
        "remove_device_as" ->
            notebook(device).removeDeviceAs(keys(device), with.text("recovery_key"), with.text("device"))
        "kept_back" -> notebook(device).keptBack(keys(device))
        "drop_kept_back" -> notebook(device).dropKeptBack(keys(device), with.text("device"))
        "make_recovery_key" -> notebook(device).makeRecoveryKey(mailbox, keys(device), null, Run())
        "recover" -> notebook(device).recover(mailbox, keys(device), with.text("recovery_key"), Run())
        "renew" -> notebook(device).renew(keys(device), Run())
        "renewal_waits_for" -> notebook(device).renewalWaitsFor(keys(device))
        else -> notebook(device).ask(doing, with)
    }

    private fun pair(host: String, guest: String): String {
        val (old, new) = notebook(host) to notebook(guest)
        val code = old.invite(mailbox, keys(host), Run())
        assertEquals(kith.model.Joining.Knocked, new.join(mailbox, keys(guest), code, Run()))
        assertEquals(null, old.requestToJoin(mailbox, keys(host), Run()))
        val asked = new.join(mailbox, keys(guest), code, Run()) as kith.model.Joining.Asked
        assertEquals(asked.digits, old.requestToJoin(mailbox, keys(host), Run())?.digits)
        val name = old.admit(mailbox, keys(host), asked.digits, Run())!!
        new.join(mailbox, keys(guest), null, Run())
        new.sync(mailbox, keys(guest), Run())
        return name
    }

    /** Asks the library, by the names of its functions. */
    private fun Bindings.ask(doing: String, with: With): Any? = when (doing) {
        "change" -> change(with.text("id"), with.text("field"), with.take("to"))

        "parse_jot" -> parseJot(with.text("line"))
        "jot_line" -> jotLine(with.text("line"))
        "start_event" -> startEvent(with.text("title"), with.text("place"))
        "running_event" -> runningEvent()
        "stop_event" -> stopEvent()
        "debrief_queue" -> debriefQueue(with.number("most", 0))
        "debrief" -> debrief(
            with.text("id"),
            Debrief(
                "", with.text("recognise"), with.text("thread"), with.text("open_loop"), with.text("next_step"),
                with.maybe("next_step_on"),
            ),
        )
        "open_promises" -> openPromises(with.maybe("contact"))
        "close_promise" -> closePromise(with.text("id"), STATES.getValue(with.text("state")), with.text("day"))
        "introduce" -> introduce(with.text("a"), with.text("b"), with.text("why"))
        "advance_introduction" -> advanceIntroduction(
            with.text("id"),
            when (val step = with.text("step")) {
                "agreed" -> IntroductionStep.Agreed(with.text("words"))
                "made" -> IntroductionStep.Made
                "talked" -> IntroductionStep.Talked
                "outcome" -> IntroductionStep.Outcome(with.text("words"))
                else -> error("nobody knows the step $step")
            },
        )
        "day_ahead" -> dayAhead(with.text("typed"))
        "day_behind" -> dayBehind(with.text("typed"))

        "today" -> today()
        "today_page" -> todayPage()
        "person_page" -> personPage(with.text("id"))
        "group_page" -> groupPage(with.text("id"))
        "people" -> people(
            PeopleFilter(
                with.maybe("tag").orEmpty(), with.maybe("organisation").orEmpty(), "", with.isSet("deleted", false),
            ),
            with.number("first", 0), with.number("most", 50),
        )
        "find" -> find(with.text("typed"), 20u)
        "contacts_meant" -> contactsMeant(with.text("typed"), 10u)
        "names" -> names(with.texts("people"))

        "write_note" -> {
            val note = (blank(Kind.NOTE) as AnyRecord.Note).v1
            writeDown(AnyRecord.Note(note.copy(body = with.text("body"), about = with.texts("about"))))
        }
        "write_promise" -> {
            val promise = (blank(Kind.PROMISE) as AnyRecord.Promise).v1
            writeDown(AnyRecord.Promise(promise.copy(words = with.text("words"), due = with.maybe("due"))))
        }
        "set_zone" -> put(AnyRecord.Settings(settings().copy(zone = with.text("zone"))))
        "set_currency" -> put(AnyRecord.Settings(settings().copy(currency = with.text("currency"))))
        "settings" -> settings()
        "record" -> record(with.text("id"))?.let(::carried)
        "delete" -> delete(with.text("id"))
        "deleted" -> deleted(50u).map(::carried)
        "bring_back" -> bringBack(with.text("id"))
        "edited_beside_deletion" -> editedBesideDeletion(with.text("id"))
        "undo" -> undo(Run()).let { }
        "history" -> history(with.text("id"), with.number("first", 0), with.number("most", 50))
        "conflicts" -> conflicts(10u)
        "choose" -> choose(with.text("id"), with.text("key"), with.take("value").toString())
        "same" -> same(with.text("a"), with.text("b"))
        "not_same" -> notSame(with.text("a"), with.text("b"))
        "purge_preview" -> purgePreview(with.text("id"))
        "purge" -> purge(with.text("id"))
        "rewrite" -> rewrite(with.text("id"), with.text("old"), with.text("new"))

        "import_preview" -> importPreview("${file(with)}", Run())
        "import_file" -> importFile("${file(with)}", Run())
        "imports" -> imports()
        "undo_import" -> undoImport(with.text("id"), Run())
        "import_export" -> importExport("${file(with)}", Run())
        "export_file" -> {
            val form = FORMS.getValue(with.text("form"))
            exportFile("${file(with)}", form, with.isSet("private"), Run())
        }
        "backup" -> backup("${file(with)}", with.maybe("passphrase"), Run())
        "device_settings" -> deviceSettings()
        "set_device_settings" -> {
            val folder = with.maybe("backup_folder")?.let { "${folder.resolve(it)}" }
            setDeviceSettings(DeviceSettings(with.isSet("notifications", false), with.isSet("lock", false), folder))
        }
        "backup_if_due" -> backupIfDue(Run()) != null
        "check_up" -> checkUp(Run())
        "rebuild" -> rebuild(Run())
        "tidy_all" -> tidyAll(Run())
        "shut" -> shut()
        else -> error("nobody knows how to do $doing")
    }

    /** Changes one field of a record, as a screen does: on top of what was seen when the draft began. */
    private fun Bindings.change(id: String, field: String, to: JsonElement) {
        val draft = draft(id)
        val after = when (val record = draft.record()) {
            is AnyRecord.Note -> {
                check(field == "body") { "nobody knows how to change $field" }
                AnyRecord.Note(record.v1.copy(body = to.jsonPrimitive.content))
            }
            is AnyRecord.Contact -> AnyRecord.Contact(
                when (field) {
                    "nickname" -> record.v1.copy(nickname = to.jsonPrimitive.content)
                    "recognise" -> record.v1.copy(recognise = to.jsonPrimitive.content)
                    "about" -> record.v1.copy(about = to.jsonPrimitive.content)
                    "tags" -> record.v1.copy(tags = to.jsonArray.map { it.jsonPrimitive.content })
                    else -> error("nobody knows how to change $field")
                },
            )
            else -> error("nobody knows how to change such a record")
        }
        save(draft, after)
    }
}

private val ID = Regex("([0-9a-f]{32}){1,2}")
private val STATES =
    mapOf("kept" to PromiseState.Kept, "released" to PromiseState.Released, "broken" to PromiseState.Broken)
private val FORMS = mapOf("json" to ExportForm.JSON, "vcards" to ExportForm.VCARDS)

/** What a step hands over; whatever is taken is gone, so that what nobody knows is noticed. */
private class With(map: JsonObject) {
    private val left = map.toMutableMap()

    fun or(key: String): JsonElement? = left.remove(key)
    fun take(key: String): JsonElement = or(key) ?: error("$key is missing")
    fun text(key: String): String = take(key).jsonPrimitive.content
    fun texts(key: String): List<String> = take(key).jsonArray.map { it.jsonPrimitive.content }
    fun maybe(key: String): String? = or(key)?.takeIf { it != JsonNull }?.jsonPrimitive?.content
    fun isSet(key: String, other: Boolean? = null): Boolean =
        or(key)?.jsonPrimitive?.let { it.booleanOrNull ?: error("$key is $it") } ?: other ?: error("$key is missing")
    fun number(key: String, other: Int): UInt = (or(key)?.jsonPrimitive?.int ?: other).toUInt()
    fun ended(place: String) = assertTrue(left.isEmpty(), "$place has no ${left.keys}")
}

/** The id in an answer: the answer itself, its id, or that of its first row. */
private fun bound(answer: JsonElement): String = when (answer) {
    is JsonPrimitive -> answer.content
    is JsonArray -> bound(answer.first())
    is JsonObject -> bound(listOf("id", "contact", "record", "import").mapNotNull(answer::get).first { it != JsonNull })
}

/** What stands at the end of a path; below a list, of each of its members, and below nothing nothing. */
private fun at(value: JsonElement, path: List<String>): JsonElement = when {
    value is JsonArray -> JsonArray(value.map { at(it, path) })
    path.isEmpty() || value == JsonNull -> value
    else -> at(value.jsonObject[path.first()] ?: error("there is no ${path.first()} in $value"), path.drop(1))
}

/** Fails where a story names what is not there: a name that is misspelt would pass for nothing. */
private fun allThere(seen: JsonElement, expect: JsonElement) {
    if (seen is JsonArray && expect is JsonArray) seen.zip(expect).forEach { (a, b) -> allThere(a, b) }
    if (seen is JsonObject && expect is JsonObject) {
        expect.forEach { (key, value) -> allThere(seen[key] ?: error("there is no $key in $seen"), value) }
    }
}

/** The record in a record of any kind. */
private fun carried(record: AnyRecord): Any? = fields(record).getValue("v1")

/** A value of the library as JSON has it, with the words and fields of bindings/api.txt in small letters. */
private fun plain(value: Any?): JsonElement = when (value) {
    null -> JsonNull
    is JsonElement -> value
    is String -> JsonPrimitive(value)
    is Boolean -> JsonPrimitive(value)
    is Number -> JsonPrimitive(value)
    is UInt -> JsonPrimitive(value.toLong())
    is ULong -> JsonPrimitive(value.toLong())
    is List<*> -> JsonArray(value.map(::plain))
    is Map<*, *> -> JsonObject(value.entries.associate { "${it.key}" to plain(it.value) })
    is Instant -> JsonPrimitive("$value")
    is Enum<*> -> JsonPrimitive(value.name.lowercase())
    else -> fields(value).let { fields ->
        when {
            fields.isEmpty() -> JsonPrimitive(snake(value::class.simpleName!!))
            fields.keys == setOf("v1") -> plain(fields["v1"])
            else -> JsonObject(fields.mapValues { plain(it.value) })
        }
    }
}

private fun fields(value: Any): Map<String, Any?> =
    value.javaClass.declaredFields.filterNot { Modifier.isStatic(it.modifiers) }.associate { field ->
        field.isAccessible = true
        snake(field.name) to field.get(value)
    }

private fun snake(name: String) =
    name.replace(Regex("(?<=[a-z])[A-Z]")) { "_${it.value}" }.lowercase()
