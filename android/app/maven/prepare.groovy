// What Android's own build does before it compiles, as far as tests need it: androidx archives opened and put on the
// class path, resources compiled by aapt2, R classes made of them.
import org.apache.maven.artifact.handler.DefaultArtifactHandler

ant.project.buildListeners.each { it.messageOutputLevel = org.apache.tools.ant.Project.MSG_WARN }
def out = new File(project.properties['prepared'])
def main = new File(project.basedir, 'src/main')
def run = { List<String> command ->
    def done = new ProcessBuilder(command*.toString()).redirectErrorStream(true).start()
    def said = done.inputStream.text
    if (done.waitFor() != 0) throw new RuntimeException("${command[0]} ended badly:\n$said")
}

def onClassPath = { type -> new DefaultArtifactHandler(type: type, language: 'java', extension: 'jar', addedToClasspath: true) }

// An archive stands on the class path as the classes in it.
def libraries = project.artifacts.findAll { it.type == 'aar' }.collect { aar ->
    def at = new File(out, "aar/${aar.artifactId}-${aar.version}")
    if (!at.exists()) {
        def half = new File("${at}.half")
        ant.unzip(src: aar.file, dest: half)
        half.renameTo(at)
    }
    aar.artifactHandler = onClassPath('aar')
    aar.file = new File(at, 'classes.jar')
    at
}

def aapt2 = new File(out, 'aapt2')
if (!aapt2.exists()) {
    def tool = project.artifacts.find { it.artifactId == 'apktool-lib' }.file
    ant.unzip(src: tool, dest: out) { patternset { include(name: 'prebuilt/linux/aapt2_64') } }
    new File(out, 'prebuilt/linux/aapt2_64').renameTo(aapt2)
    aapt2.executable = true
}
def android = project.artifacts.find { it.artifactId == 'android-all' }.file

// Each library's resources once; ours each time.
def flat = libraries.findAll { new File(it, 'res').directory }.collect { at ->
    def resources = new File(out, "flat/${at.name}.zip")
    if (!resources.exists()) {
        resources.parentFile.mkdirs()
        run([aapt2, 'compile', '--dir', new File(at, 'res'), '-o', resources])
    }
    resources
}
def ours = new File(out, 'flat/ours.zip')
run([aapt2, 'compile', '--dir', new File(main, 'res'), '-o', ours])

// Gradle says the package elsewhere; aapt2 wants to read it here.
def manifest = new File(out, 'AndroidManifest.xml')
manifest.text = new File(main, 'AndroidManifest.xml').text.replaceFirst('<manifest ', '<manifest package="kith.app" ')

def packageOf = { File of -> (of.text =~ /package="([^"]+)"/)[0][1] }
def others = libraries.findAll { new File(it, 'res').directory }.collect { packageOf(new File(it, 'AndroidManifest.xml')) }
def generated = new File(out, 'generated')
def resources = new File(out, 'resources.apk')
ant.delete(dir: generated)
run([aapt2, 'link', '-I', android, '--manifest', manifest,
     '--min-sdk-version', project.properties['android.min'],
     '--target-sdk-version', project.properties['android.target'],
     '--version-code', '1', '--version-name', project.version,
     '--auto-add-overlay', '--non-final-ids', '--extra-packages', others.unique().join(':'), '--java', generated, '-o', resources] +
    flat.collectMany { ['-R', it] } + ['-R', ours])

def classes = new File(out, 'r')
classes.mkdirs()
ant.javac(srcdir: generated, destdir: classes, release: project.properties['java.version'], includeantruntime: false)
ant.jar(destfile: new File(out, 'r.jar'), basedir: classes)
def rJar = new File(out, 'r.jar')

// R joins the class path as if it were one of ours.
def artifact = new org.apache.maven.artifact.DefaultArtifact('kith', 'r', project.version, 'compile', 'jar', null,
    onClassPath('jar'))
artifact.file = rJar
artifact.resolved = true
project.resolvedArtifacts = project.artifacts + artifact

// Where Robolectric looks for the app.
def config = new File(out, 'config/com/android/tools/test_config.properties')
config.parentFile.mkdirs()
config.text = """android_merged_manifest=$manifest
android_resource_apk=$resources
android_merged_assets=${new File(main, 'assets')}
android_custom_package=kith.app
"""
