import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { build, made, values } from '../../../../test/support/command-line.ts'
import type { CommandLineOptions } from '../options.ts'

suite('buildCommandLine()', () => {
  test('creates serial ports on files, sockets and terminals', () => {
    const devices = `<serial type='file'><source path='/a,b' append='on'/><log file='/l' append='off'/></serial>
      <serial type='unix'><source path='/s' mode='connect'><reconnect enabled='yes' timeout='2'/></source></serial>
      <serial type='tcp'><source mode='bind' host='::1' service='4555'/></serial><serial type='unix'/>`
    const chardevs = (options: Partial<CommandLineOptions>): readonly string[] =>
      values(build({ devices }, options), '-chardev')
    assert.deepEqual(chardevs({ socketDirectory: '/run' }), [
      'file,id=charserial0,path=/a,,b,append=on,logfile=/l,logappend=off',
      'socket,id=charserial1,path=/s,reconnect=2',
      'socket,id=charserial2,host=::1,port=4555,server=on,wait=off',
      'socket,id=charserial3,path=/run/serial3.sock,server=on,wait=off',
    ])
    const new_ = { socketDirectory: '/run', qemuVersion: { major: 9, minor: 2, micro: 0 } }
    assert.equal(chardevs(new_)[1], 'socket,id=charserial1,path=/s,reconnect-ms=2000')
    assert.throws(() => chardevs({}), { code: 'XML_INVALID', message: /serial\[4\].*no path/ })
  })

  test('passes redirected USB devices, smart cards and a filter', () => {
    const devices = `<redirdev bus='usb' type='tcp'><source mode='connect' host='a' service='1'/><boot order='2'/></redirdev>
      <redirfilter><usbdev class='0x08' version='1.1' allow='yes'/><usbdev allow='no'/></redirfilter>
      <smartcard mode='host-certificates'><certificate>a</certificate><certificate>b</certificate><certificate>c</certificate></smartcard>`
    const argv = build({ devices })
    const [redirection] = made(argv, 'usb-redir')
    assert.equal(redirection?.['filter'], '0x08:-1:-1:0x0110:1|-1:-1:-1:-1:0')
    assert.equal(redirection?.['bootindex'], 2)
    const [card] = made(argv, 'ccid-card-emulated')
    assert.deepEqual(
      [card?.['cert3'], card?.['db'], card?.['bus']],
      ['c', '/etc/pki/nssdb', 'ccid0.0'],
    )
    assert.equal(made(argv, 'usb-ccid').length, 1)
  })

  test('connects ports to the host in every way', () => {
    const chardev = (type: string, source: string): unknown =>
      values(build({ devices: `<serial type='${type}'>${source}</serial>` }), '-chardev')[0]
    const ends = `<source mode='bind' service='1'/><source mode='connect' host='h' service='2'/>`
    assert.equal(chardev('udp', ends), 'udp,id=charserial0,host=h,port=2,localaddr=,localport=1')
    assert.equal(
      chardev('dev', `<source path='/dev/ttyS0'/>`),
      'serial,id=charserial0,path=/dev/ttyS0',
    )
    assert.equal(chardev('pipe', `<source path='/p'/>`), 'pipe,id=charserial0,path=/p')
    assert.equal(chardev('spiceport', `<source channel='n'/>`), 'spiceport,id=charserial0,name=n')
    const parallel = `<parallel type='dev'><source path='/dev/parport0'/></parallel>`
    assert.deepEqual(values(build({ devices: parallel }), '-chardev'), [
      'parallel,id=charparallel0,path=/dev/parport0',
    ])
    const forward = `<channel type='pipe'><source path='/p'/><target type='guestfwd' address='10.0.2.1' port='46'/></channel>`
    assert.deepEqual(made(build({ devices: forward }), 'user')[0]?.['guestfwd'], [
      { str: 'tcp:10.0.2.1:46-chardev:charguestfwd0' },
    ])
    const missing = `<channel type='pipe'><source path='/p'/><target type='guestfwd' address='x' port='46'/></channel>`
    assert.throws(() => build({ devices: missing }), { code: 'XML_INVALID' })
  })
})
