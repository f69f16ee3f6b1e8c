import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { build, values, made } from '../../../../test/support/command-line.ts'

suite('buildCommandLine()', () => {
  test('serves VNC on any free port of this host unless the XML has a port', () => {
    const vnc = (attributes: string): unknown =>
      values(build({ devices: `<graphics type='vnc' ${attributes}/>` }), '-vnc')[0]
    const audio = ',audiodev=audio1'
    assert.equal(vnc(''), `127.0.0.1:0,to=59635${audio}`)
    assert.equal(vnc(`port='5901' listen='::'`), `[::]:1${audio}`)
    assert.equal(vnc(`socket='/a,b'`), `vnc=unix:/a,,b${audio}`)
    assert.equal(vnc(`port='5901' passwd='secret'`), `127.0.0.1:1,password=on${audio}`)
    assert.throws(() => vnc(`port='80'`), { code: 'XML_INVALID' })
  })

  test('serves SPICE with the options of the XML, and its password only by QMP', () => {
    const spice = (attributes: string, inner = ''): unknown =>
      values(
        build({ devices: `<graphics type='spice' ${attributes}>${inner}</graphics>` }),
        '-spice',
      )[0]
    assert.equal(
      spice(`port='5901' passwd='secret'`, `<image compression='off'/><mouse mode='client'/>`),
      'port=5901,addr=127.0.0.1,agent-mouse=on,image-compression=off,seamless-migration=on',
    )
    assert.equal(
      spice(`socket='/a,b'`, `<clipboard copypaste='no'/><filetransfer enable='no'/>`),
      'unix=on,addr=/a,,b,disable-ticketing=on,disable-copy-paste=on,disable-agent-file-xfer=on,seamless-migration=on',
    )
    assert.equal(
      spice(`port='5901' tlsPort='5902'`, `<channel name='main' mode='secure'/>`),
      'port=5901,tls-port=5902,addr=127.0.0.1,disable-ticketing=on,x509-dir=/etc/pki/libvirt-spice,tls-channel=main,seamless-migration=on',
    )
    assert.throws(() => spice(`port='5901' defaultMode='secure'`), { code: 'XML_INVALID' })
  })

  test('shows the guest on displays of the host', () => {
    const display = (graphics: string): readonly string[] =>
      values(build({ devices: graphics }), '-display')
    assert.deepEqual(display(`<graphics type='egl-headless'><gl rendernode='/r'/></graphics>`), [
      'egl-headless,rendernode=/r',
    ])
    assert.deepEqual(display(`<graphics type='sdl' display=':0'/>`), ['sdl'])
    assert.deepEqual(display(`<graphics type='dbus' p2p='yes'/>`), ['dbus,p2p=on'])
    const two = `<graphics type='egl-headless'/><graphics type='sdl'/>`
    assert.throws(() => display(two), { code: 'XML_INVALID' })
  })

  test('makes one graphics card primary, and moves it to the front', () => {
    const video = (type: string, primary = ''): string =>
      `<video><model type='${type}' ${primary}/></video>`
    const primary = "primary='yes'"
    const argv = build({ devices: video('qxl') + video('qxl', primary) })
    assert.deepEqual(
      [...made(argv, 'qxl-vga'), ...made(argv, 'qxl')].map((one) => [one['id'], one['addr']]),
      [
        ['video0', '0x1'],
        ['video1', '0x1'],
      ],
    )
    const refused = { code: 'XML_INVALID' }
    const two = video('qxl', primary) + video('qxl', primary)
    assert.throws(() => build({ devices: two }), refused)
    assert.throws(() => build({ devices: video('qxl') + video('none') }), refused)
  })
})
