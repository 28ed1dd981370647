// Packs what was compiled into an APK, signs it, and looks at the signature. What needs Google's NDK, our own library
// for a phone's processor, goes in when cargo-ndk has put it there (../README.md), and its absence is said.
import java.security.KeyStore
import java.security.PrivateKey
import java.util.zip.CRC32
import java.util.zip.ZipEntry
import java.util.zip.ZipFile
import java.util.zip.ZipOutputStream

ant.project.buildListeners.each { it.messageOutputLevel = org.apache.tools.ant.Project.MSG_WARN }
def out = new File(project.build.directory, 'apk')
def prepared = new File(project.properties['prepared'])
ant.delete(dir: out)
out.mkdirs()

def run = { List<String> command ->
    def done = new ProcessBuilder(command*.toString()).redirectErrorStream(true).start()
    def said = done.inputStream.text
    if (done.waitFor() != 0) throw new RuntimeException("${command[0]} ended badly:\n$said")
}
def java = new File(System.getProperty('java.home'), 'bin/java')
def of = { String name -> project.artifacts.find { it.artifactId == name }.file }

// Everything that runs on the phone, as its virtual machine wants it. JNA's archive has the same classes as its jar.
def tools = ['r8', 'apksig', 'android-all', 'jna']
def jars = project.artifacts.findAll { it.scope == 'compile' && it.file.name.endsWith('.jar') && !(it.artifactId in tools) }
def code = jars.collect { it.file } + of('jna') + new File(prepared, 'r.jar')
def ours = new File(out, 'ours.jar')
ant.jar(destfile: ours, basedir: project.build.outputDirectory)
run([java, '-Xmx2g', '-cp', of('r8'), 'com.android.tools.r8.D8', '--release',
     '--min-api', project.properties['android.min'], '--lib', of('android-all'), '--output', out, ours] + code.unique())

// Resources as aapt2 left them, code, and the libraries: those uncompressed, so that a phone maps them where they lie.
def unsigned = new File(out, 'unsigned.apk')
def kinds = []
new ZipOutputStream(unsigned.newOutputStream()).withCloseable { apk ->
    def put = { String name, byte[] bytes, boolean packed ->
        def entry = new ZipEntry(name)
        entry.time = 315532800000L
        entry.method = packed ? ZipEntry.DEFLATED : ZipEntry.STORED
        entry.size = bytes.length
        if (!packed) {
            entry.crc = new CRC32().tap { update(bytes) }.value
            entry.compressedSize = bytes.length
        }
        apk.putNextEntry(entry)
        apk.write(bytes)
        apk.closeEntry()
    }
    new ZipFile(new File(prepared, 'resources.apk')).withCloseable { zip ->
        zip.entries().each { put(it.name, zip.getInputStream(it).bytes, it.method == ZipEntry.DEFLATED) }
    }
    out.listFiles().findAll { it.name.endsWith('.dex') }.sort().each { put(it.name, it.bytes, true) }
    def jna = new File(prepared, "aar/jna-${project.properties['jna.version']}/jni")
    def kith = new File(project.basedir, 'src/main/jniLibs')
    // Those that phones of today have. A phone takes an app for what is in it, so JNA's goes in where ours does.
    def processors = ['arm64-v8a', 'armeabi-v7a', 'x86_64']
    kinds = processors.findAll { new File(kith, "$it/libkith_bindings.so").file }
    [jna, kith].findAll { it.directory }.each { folder ->
        folder.eachFileRecurse(groovy.io.FileType.FILES) { file ->
            def processor = file.parentFile.name
            if (processor in (kinds ?: processors)) put("lib/$processor/${file.name}", file.bytes, false)
        }
    }
}

// A key of this build alone: good for trying out, not for a store.
def keys = new File(out, 'key.p12')
run([new File(java.parentFile, 'keytool'), '-genkeypair', '-keystore', keys, '-storetype', 'PKCS12',
     '-storepass', 'for-trying-out', '-alias', 'kith', '-keyalg', 'EC', '-groupname', 'secp256r1', '-validity', '365',
     '-dname', 'CN=Kith for trying out'])
def store = KeyStore.getInstance('PKCS12')
keys.withInputStream { store.load(it, 'for-trying-out' as char[]) }
def signing = new URLClassLoader([of('apksig').toURI().toURL()] as URL[], ClassLoader.platformClassLoader)
def make = { String name, Object... args -> signing.loadClass("com.android.apksig.$name").newInstance(args) }
def least = project.properties['android.min'] as int
def key = store.getKey('kith', 'for-trying-out' as char[]) as PrivateKey
def signer = make('ApkSigner$SignerConfig$Builder', 'kith', key, [store.getCertificate('kith')]).build()
def signed = new File(out, 'kith.apk')
make('ApkSigner$Builder', [signer]).setInputApk(unsigned).setOutputApk(signed).setMinSdkVersion(least)
    .setV2SigningEnabled(true).setV3SigningEnabled(true).build().sign()

def seen = make('ApkVerifier$Builder', signed).setMinCheckedPlatformVersion(least).build().verify()
if (!seen.verified || !seen.verifiedUsingV2Scheme || !seen.verifiedUsingV3Scheme) {
    throw new RuntimeException("the signature is wrong: ${seen.allErrors}")
}
println "${signed.canonicalPath}: ${signed.length().intdiv(1024)} KiB, signature v2 and v3 verified."
println kinds ? "The notebook's library is in it for ${kinds.join(', ')}." :
    'The notebook\'s library is not in it, for no NDK build of it is here: it starts, and says that a part of it is missing.'
println 'It has never run on a device.'
