import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { domain, domainXml, normalise } from '../../../test/support/normalised-domain.ts'
import { formatDomainXml } from './format.ts'
import type { NormaliseOptions } from './normalise/options.ts'
import { normaliseDomain } from './normalise.ts'
import { parseDomainXml } from './parse.ts'
import { readDomain } from './read-domain.ts'

suite('normaliseDomain()', () => {
  test('completes the smallest domain in libvirt’s order', () => {
    const text = normalise(domainXml('pc'), {
      machines: (name) => (name === 'pc' ? 'pc-i440fx-7.2' : undefined),
      emulator: '/usr/bin/qemu-system-x86_64',
      random: (length) => new Uint8Array(length),
    })
    assert.equal(
      text,
      `<domain type='qemu'>
  <name>web</name>
  <uuid>00000000-0000-4000-8000-000000000000</uuid>
  <memory unit='KiB'>65536</memory>
  <currentMemory unit='KiB'>65536</currentMemory>
  <vcpu placement='static'>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
    <boot dev='hd'/>
  </os>
  <cpu mode='custom' match='exact' check='none'>
    <model fallback='forbid'>qemu64</model>
  </cpu>
  <clock offset='utc'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' index='0' model='piix3-uhci'>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x01' function='0x2'/>
    </controller>
    <controller type='pci' index='0' model='pci-root'/>
    <input type='mouse' bus='ps2'/>
    <input type='keyboard' bus='ps2'/>
    <audio id='1' type='none'/>
    <memballoon model='virtio'>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/>
    </memballoon>
  </devices>
</domain>
`,
    )
  })

  test('changes nothing the second time', () => {
    const devices = `<disk><source file='/a'/><target dev='vda'/></disk><disk device='cdrom'><target dev='sda' bus='sata'/></disk>
      <interface type='user'/><graphics type='vnc'/><input type='tablet'/><console type='pty'/>
      <channel type='unix'><target type='virtio' name='a'/></channel><controller type='scsi'/><hub type='usb'/>`
    for (const machine of ['q35', 'pc']) {
      const once = normalise(domainXml(machine, devices, '<genid/>'))
      assert.equal(normalise(once), once)
    }
  })

  test('does not change the given document', () => {
    const document = parseDomainXml(domainXml('q35'))
    const before = formatDomainXml(document)
    normaliseDomain(document)
    assert.equal(formatDomainXml(document), before)
  })

  test('treats the first console and the first serial port as one device', () => {
    const fromConsole = domain(domainXml('pc', `<console type='pty'/>`))
    assert.equal(fromConsole.serials[0]?.backend.type, 'pty')
    const fromSerial = domain(
      domainXml('pc', `<serial type='file'><source path='/l'/></serial><serial type='null'/>`),
    )
    assert.equal(fromSerial.consoles[0]?.backend.path, '/l')
    assert.deepEqual(
      fromSerial.serials.map((one) => one.port),
      [0, 1],
    )
  })

  test('throws XML_UNSUPPORTED for other machines and XML_INVALID for those that QEMU lacks', () => {
    assert.throws(() => normalise(domainXml('microvm')), { code: 'XML_UNSUPPORTED' })
    const machines = (): undefined => undefined
    assert.throws(() => normalise(domainXml('q36'), { machines }), { code: 'XML_INVALID' })
  })

  test('enables the watchdog of q35 on a new machine only', () => {
    const watchdogs = (text: string, options?: NormaliseOptions): unknown =>
      readDomain(normaliseDomain(parseDomainXml(text), options)).domain.watchdogs.map(
        ({ model, action }) => `${model} ${action}`,
      )
    assert.deepEqual(watchdogs(domainXml('q35')), ['itco reset'])
    assert.deepEqual(watchdogs(domainXml('pc')), [])
    assert.deepEqual(watchdogs(domainXml('q35'), { existing: true }), [])
    const image = { existing: true, fromImage: true }
    assert.deepEqual(watchdogs(domainXml('q35'), image), ['itco reset'])
    const other = `<watchdog model='i6300esb' action='pause'/>`
    assert.deepEqual(watchdogs(domainXml('q35', other)), ['i6300esb pause', 'itco pause'])
  })
})
