import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { reachesOf } from './reaches.ts'

function reaches(devices: string): readonly string[] {
  const xml = `<domain type='qemu'><name>a</name><memory>65536</memory><os><type arch='x86_64'>hvm</type></os><devices>${devices}</devices></domain>`
  return reachesOf(readDomain(parseDomainXml(xml)).domain).map(
    ({ kind, use, value }) => `${kind} ${use}: ${value}`,
  )
}

test('reachesOf() has the ports, sockets and render nodes of displays', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    [
      `<graphics type='spice' autoport='yes' listen='0.0.0.0'/>`,
      ['listen SPICE server: 0.0.0.0:any'],
    ],
    [
      `<graphics type='spice' port='5901' tlsPort='5902'><gl enable='yes' rendernode='/r'/></graphics>`,
      [
        'listen SPICE server: 127.0.0.1:5901',
        'listen SPICE server: 127.0.0.1:5902',
        'path render node: /r',
      ],
    ],
    [
      `<graphics type='vnc' port='5977' websocket='5700' listen='0.0.0.0'/>`,
      ['listen VNC server: 0.0.0.0:5977', 'listen VNC server: 0.0.0.0:5700'],
    ],
    [`<graphics type='vnc' websocket='-1'/>`, ['listen VNC server: 127.0.0.1:any']],
    [`<graphics type='spice' socket='/s'/>`, ['path SPICE socket: /s']],
    [`<graphics type='egl-headless'/>`, ['path render node: /dev/dri']],
    [
      `<graphics type='sdl' display=':0' xauth='/x'/>`,
      ['connect X display: :0', 'path X authority: /x'],
    ],
    [`<graphics type='dbus' address='unix:path=/b'/>`, ['connect message bus: unix:path=/b']],
  ]
  for (const [graphics, expected] of cases) assert.deepEqual(reaches(graphics), expected, graphics)
})

test('reachesOf() has the host’s side of ports, sound and smart cards', () => {
  const udp = `<source mode='bind' service='1'/><source mode='connect' host='h' service='2'/>`
  const cases: readonly (readonly [string, readonly string[]])[] = [
    [
      `<parallel type='dev'><source path='/dev/parport0'/></parallel>`,
      ['path parallel port device: /dev/parport0'],
    ],
    [
      `<serial type='udp'>${udp}</serial>`,
      ['connect serial port: h:2', 'listen serial port: 0.0.0.0:1'],
    ],
    [
      `<redirdev bus='usb' type='pipe'><source path='/p'/></redirdev>`,
      ['', '.in', '.out'].map((suffix) => `path redirected USB device pipe: /p${suffix}`),
    ],
    [
      `<channel type='file'><source path='/f'/><target type='guestfwd' address='10.0.2.1' port='1'/></channel>`,
      ['path forwarded address file: /f'],
    ],
    [`<audio id='1' type='file' path='/w'/>`, ['path sound file: /w']],
    [`<audio id='1' type='pulseaudio' serverName='s'/>`, ['connect sound server: s']],
    [`<audio id='1' type='pulseaudio'/>`, ['connect sound server: pulseaudio']],
    [`<audio id='1' type='sdl'/>`, ['connect sound server: sdl']],
    [
      `<audio id='1' type='jack'><output serverName='studio'/></audio>`,
      ['connect sound server: studio'],
    ],
    [`<audio id='1' type='pipewire'/>`, ['connect sound server: pipewire']],
    [
      `<audio id='1' type='alsa'><input dev='plughw:CARD=PCH,DEV=0'/><output dev='default'/></audio>`,
      ['path sound device: /dev/snd'],
    ],
    [
      `<audio id='1' type='alsa'><output dev="file:'|touch /tmp/x',raw"/></audio>`,
      ['path sound device: /dev/snd', `command sound device of ALSA: file:'|touch /tmp/x',raw`],
    ],
    // Without a serial port the console becomes one.
    [`<console type='file'><source path='/c'/></console>`, ['path serial port file: /c']],
    [
      `<serial type='file'><source path='/s'/></serial><console type='file'><source path='/c'/></console>`,
      ['path serial port file: /s'],
    ],
    [`<smartcard mode='host'/>`, ['path smart cards of the host: /run/pcscd/pcscd.comm']],
    [`<channel type='spicevmc'><target type='virtio'/></channel>`, []],
  ]
  for (const [device, expected] of cases) assert.deepEqual(reaches(device), expected, device)
})
