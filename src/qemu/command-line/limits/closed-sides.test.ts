import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normaliseDomain } from '../../domain-xml/normalise.ts'
import { parseDomainXml } from '../../domain-xml/parse.ts'
import { readDomain } from '../../domain-xml/read-domain.ts'
import { buildCommandLine } from '../build.ts'
import { closeHostSides } from './closed-sides.ts'

const DESKTOP = `
  <channel type='spicevmc'><target type='virtio'/></channel>
  <graphics type='spice' autoport='yes'/>
  <sound model='ich9'/>
  <video><model type='qxl'/></video>
  <smartcard mode='passthrough' type='spicevmc'/>
  <redirdev bus='usb' type='spicevmc'/>`

const EVERYTHING = ['addr', 'qemu-vdagent', 'dbus', 'none', 'alsa']

interface Closed {
  readonly devices: readonly string[]
  readonly text: string
  readonly closed: readonly string[]
}

async function close(
  devices: string,
  host: {
    readonly words?: readonly string[]
    readonly certificates?: boolean
    readonly renderNode?: boolean
  } = {},
): Promise<Closed> {
  const text = `<domain type='qemu'><name>a</name><memory unit='MiB'>64</memory>
    <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><devices>${devices}</devices></domain>`
  const { domain, closed } = await closeHostSides(
    readDomain(normaliseDomain(parseDomainXml(text))).domain,
    {
      help: () => Promise.resolve(new Set(host.words ?? EVERYTHING)),
      hasCertificates: () => host.certificates === true,
      hasRenderNode: () => host.renderNode === true,
    },
  )
  const argv = buildCommandLine(domain, {
    qemuVersion: { major: 7, minor: 2, micro: 0 },
    monitors: [],
    incoming: false,
  })
  return {
    devices: argv.filter((_, at) => argv[at - 1] === '-device'),
    text: argv.join(' '),
    closed,
  }
}

test('closeHostSides() changes nothing on a host that has everything', async () => {
  const { text, closed } = await close(DESKTOP)
  assert.deepEqual(closed, [])
  assert.match(text, /-spice port=0,disable-ticketing=on,seamless-migration=on/)
  assert.match(text, /spicevmc,id=charchannel0,name=vdagent/)
  assert.match(text, /spicevmc,id=charredir0,name=usbredir/)
  assert.match(text, /spicevmc,id=charsmartcard0,name=smartcard/)
  assert.match(text, /"id":"audio1","driver":"spice"/)
})

test('closeHostSides() keeps every device where QEMU has no SPICE, and says so once', async () => {
  const { devices, text, closed } = await close(DESKTOP, { words: [] })
  assert.deepEqual(devices, (await close(DESKTOP)).devices)
  assert.equal(closed.length, 1)
  assert.match(closed[0] ?? '', /no SPICE/)
  assert.doesNotMatch(text, /-spice|spicevmc/)
  for (const id of ['channel0', 'redir0', 'smartcard0'])
    assert.ok(text.includes(`null,id=char${id}`), id)
  assert.match(text, /"id":"audio1","driver":"none"/)
})

test('closeHostSides() serves nothing without the encryption that the XML demands', async () => {
  const secure = `<graphics type='spice' tlsPort='5901'/>`
  assert.match((await close(secure)).closed[0] ?? '', /needs TLS/)
  assert.doesNotMatch((await close(secure)).text, /-spice/)
  const served = await close(secure, { certificates: true })
  assert.deepEqual(served.closed, [])
  assert.match(
    served.text,
    /-spice tls-port=5901,addr=127.0.0.1,.*x509-dir=\/etc\/pki\/libvirt-spice/,
  )
  const tcp = `<serial type='tcp'><source host='a' service='1' mode='connect' tls='yes'/></serial>`
  assert.match((await close(tcp)).closed[0] ?? '', /no certificates/)
  assert.match((await close(tcp)).text, /null,id=charserial0/)
  assert.match((await close(tcp, { certificates: true })).text, /,tls-creds=objcharserial0_tls0/)
})

test('closeHostSides() discards sound that this QEMU has no driver for', async () => {
  const sound = (type: string): string =>
    `<sound model='ac97'/><audio id='1' type='${type}'><output dev='x'/></audio>`
  assert.match((await close(sound('alsa'))).text, /"driver":"alsa","out":\{"dev":"x"\}/)
  const { text, closed } = await close(sound('pulseaudio'))
  assert.match(text, /"id":"audio1","driver":"none"\}/)
  assert.deepEqual(closed, ['sound is discarded: this QEMU has no pulseaudio'])
})
