import assert from 'node:assert/strict'
import { suite, test } from 'node:test'

import { child } from './access.ts'
import type { Firmware } from './firmware.ts'
import { formatDomainXml } from './format.ts'
import type { NormaliseOptions } from './normalise/options.ts'
import { normaliseDomain } from './normalise.ts'
import { parseDomainXml } from './parse.ts'
import { readDomain } from './read-domain.ts'
import type { Domain } from './model/domain.ts'

function domainXml(machine: string, devices = '', rest = ''): string {
  return `<domain type='qemu'><name>web</name><memory unit='MiB'>64</memory>${rest}
<os><type machine='${machine}'>hvm</type></os><devices>${devices}</devices></domain>`
}

const ACPI = '<features><acpi/></features>'

function firmware(
  loader: string,
  template: string,
  features: readonly string[] = [],
  machines: readonly string[] = ['*'],
): Firmware {
  return {
    kind: 'uefi',
    mapping: 'split',
    loader: { path: loader, format: 'raw' },
    template: { path: template, format: 'raw' },
    machines,
    features: new Set(features),
  }
}

function normalise(text: string, options?: NormaliseOptions): string {
  return formatDomainXml(normaliseDomain(parseDomainXml(text), options))
}

function domain(text: string): Domain {
  return readDomain(normaliseDomain(parseDomainXml(text))).domain
}

/** `bus:slot.function` of a device. */
function at(device: { readonly address: Domain['disks'][number]['address'] } | undefined): string {
  const address = device?.address
  if (address?.type !== 'pci') return String(address?.type)
  return `${address.bus}:${address.slot.toString(16)}.${address.function}`
}

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

  test('gives q35 devices a root port each and leaves one free', () => {
    const read = domain(
      domainXml(
        'q35',
        `<disk><source file='/a'/><target dev='vda'/></disk><interface type='user'><model type='virtio'/></interface>
        <controller type='usb' model='none'/><rng model='virtio'><backend model='random'/></rng>`,
      ),
    )
    assert.equal(at(read.interfaces[0]), '1:0.0')
    assert.equal(at(read.disks[0]), '2:0.0')
    assert.equal(at(read.balloon), '3:0.0')
    assert.equal(at(read.rngs[0]), '4:0.0')
    const ports = read.controllers.filter((one) => one.model === 'pcie-root-port')
    assert.deepEqual(
      ports.map((one) => [one.index, at(one), one.chassis, one.port]),
      [1, 2, 3, 4, 5].map((index) => [index, `0:1.${index - 1}`, index, 7 + index]),
    )
    assert.equal(ports[0]?.address?.type === 'pci' && ports[0].address.multifunction, true)
    assert.equal(at(read.controllers.find((one) => one.type === 'sata')), '0:1f.2')
  })

  test('gives q35 a bridge when a device needs a conventional slot', () => {
    const { interfaces, controllers } = domain(
      domainXml('q35', `<interface type='user'><model type='e1000'/></interface>`),
    )
    const bridge = controllers.find((one) => one.model === 'pcie-to-pci-bridge')
    assert.equal(bridge?.index, 2)
    assert.equal(at(bridge), '1:0.0')
    assert.equal(at(interfaces[0]), '2:1.0')
  })

  test('puts the first graphics card where QEMU always had it', () => {
    const graphics = `<graphics type='vnc'/>`
    assert.equal(at(domain(domainXml('q35', graphics)).videos[0]), '0:1.0')
    assert.equal(at(domain(domainXml('pc', graphics)).videos[0]), '0:2.0')
  })

  test('fills pc slots in libvirt’s order and adds a bridge when they run out', () => {
    const cards = (count: number): Domain =>
      domain(domainXml('pc', `<interface type='user'/>`.repeat(count)))
    assert.deepEqual(cards(2).interfaces.map(at), ['0:2.0', '0:3.0'])
    const many = cards(31)
    const bridge = many.controllers.find((one) => one.model === 'pci-bridge')
    assert.equal(bridge?.chassisNr, 1)
    assert.deepEqual(new Set(many.interfaces.map(at)).size, 31)
  })

  test('assigns addresses to disks in the order of their names', () => {
    const disk = (dev: string): string =>
      `<disk><source file='/${dev}'/><target dev='${dev}'/></disk>`
    const { disks } = domain(domainXml('pc', disk('vdb') + disk('vda')))
    assert.deepEqual(
      disks.map((one) => [one.target, at(one)]),
      [
        ['vda', '0:2.0'],
        ['vdb', '0:3.0'],
      ],
    )
  })

  test('derives the address of SATA, IDE and SCSI disks from their names', () => {
    const disk = (dev: string, bus: string): string =>
      `<disk><source file='/${dev}'/><target dev='${dev}' bus='${bus}'/></disk>`
    const { disks, controllers } = domain(
      domainXml('q35', disk('sdg', 'sata') + disk('sdb', 'scsi') + disk('sdi', 'scsi')),
    )
    const places = disks.map(({ address }) =>
      address?.type === 'drive' ? [address.controller, address.bus, address.unit] : [],
    )
    assert.deepEqual(places, [
      [1, 0, 0],
      [0, 0, 1],
      [1, 0, 1],
    ])
    const kinds = controllers.map((one) => `${one.type} ${one.index}`)
    for (const wanted of ['sata 0', 'sata 1', 'scsi 0', 'scsi 1']) {
      assert.ok(kinds.includes(wanted), wanted)
    }
  })

  test('puts the parts of a USB 2 controller into one slot', () => {
    const models = ['ich9-ehci1', 'ich9-uhci1', 'ich9-uhci2', 'ich9-uhci3']
    const text = domainXml(
      'q35',
      models.map((one) => `<controller type='usb' model='${one}'/>`).join(''),
    )
    const parts = domain(text).controllers.filter((one) => one.type === 'usb')
    assert.deepEqual(
      parts.map((one) => [one.index, at(one)]),
      [
        [0, '0:1d.7'],
        [0, '0:1d.0'],
        [0, '0:1d.1'],
        [0, '0:1d.2'],
      ],
    )
  })

  test('assigns the lowest free ports to USB devices, hubs first', () => {
    const { inputs, hubs } = domain(
      domainXml('pc', `<input type='tablet'/><input type='mouse' bus='usb'/><hub type='usb'/>`),
    )
    const port = (device: Domain['hubs'][number] | undefined): string | undefined =>
      device?.address?.type === 'usb' ? device.address.port : undefined
    assert.equal(port(hubs[0]), '1')
    assert.deepEqual(inputs.slice(0, 2).map(port), ['2', '1.1'])
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

  test('keeps existing addresses and works around them', () => {
    const { interfaces, balloon } = domain(
      domainXml(
        'pc',
        `<interface type='user'/><memballoon model='virtio'><address type='pci' bus='0' slot='2' function='0'/></memballoon>`,
      ),
    )
    assert.equal(at(balloon), '0:2.0')
    assert.equal(at(interfaces[0]), '0:3.0')
  })

  test('throws XML_INVALID with both devices when they claim one address', () => {
    const address = `<address type='pci' bus='0' slot='5' function='0'/>`
    const rng = `<rng model='virtio'><backend model='random'/>${address}</rng>`
    assert.throws(() => normalise(domainXml('pc', `${rng}\n${rng}`)), {
      code: 'XML_INVALID',
      message:
        /\/domain\/devices\/rng\[2\] \(line 3\): the PCI address 0000:00:05.0 is already used by \/domain\/devices\/rng\[1\] \(line 2\)/,
    })
    const disk = `<disk><source file='/x'/><target dev='sda' bus='sata'/></disk>`
    assert.throws(() => normalise(domainXml('q35', disk + disk)), {
      code: 'XML_INVALID',
      message: /disk\[2\].*disk\[1\]/,
    })
  })

  test('throws XML_INVALID when a device cannot be at its address', () => {
    const placed = (machine: string, address: string): (() => string) => {
      const rng = `<rng model='virtio'><backend model='random'/><address type='pci' ${address}/></rng>`
      return () => normalise(domainXml(machine, rng))
    }
    assert.throws(placed('pc', `bus='0' slot='1' function='0'`), /the machine itself/)
    assert.throws(placed('pc', `bus='0' slot='0' function='0'`), /slots 1 to 31/)
    assert.throws(placed('q35', `bus='1' slot='3' function='0'`), /slots 0 to 0/)
  })

  test('throws XML_UNSUPPORTED for other machines and XML_INVALID for those that QEMU lacks', () => {
    assert.throws(() => normalise(domainXml('microvm')), { code: 'XML_UNSUPPORTED' })
    const machines = (): undefined => undefined
    assert.throws(() => normalise(domainXml('q36'), { machines }), { code: 'XML_INVALID' })
  })

  test('names the files of a UEFI firmware', () => {
    const text = domainXml('q35', '', ACPI).replace('<os>', "<os firmware='efi'>")
    const plain = firmware('/code.fd', '/vars.fd')
    const { os } = readDomain(
      normaliseDomain(parseDomainXml(text), { firmware: [plain], nvramDirectory: '/state' }),
    ).domain
    assert.equal(os.loader?.path, '/code.fd')
    assert.equal(os.nvram?.path, '/state/web_VARS.fd')
    assert.equal(os.nvram?.template, '/vars.fd')
    assert.throws(() => normalise(text), { code: 'XML_UNSUPPORTED', message: /UEFI/ })
  })

  test('chooses the firmware that has what the domain asks for, and turns on what it needs', () => {
    const secure = ['secure-boot', 'requires-smm']
    const hosts = [
      firmware('/keys.fd', '/keys.vars', [...secure, 'enrolled-keys'], ['pc-q35-*']),
      firmware('/secure.fd', '/vars', secure, ['pc-q35-*']),
      firmware('/plain.fd', '/vars'),
    ]
    const chosen = (os: string, machine = 'pc-q35-7.2', features = '<acpi/>'): string => {
      const text = domainXml(machine, '', `<features>${features}</features>`)
      const given = text.replace('<os>', "<os firmware='efi'>").replace('</os>', `${os}</os>`)
      const options = { firmware: hosts, nvramDirectory: '/state' }
      const result = readDomain(normaliseDomain(parseDomainXml(given), options)).domain
      const { loader, nvram } = result.os
      return `${loader?.path} ${nvram?.template}${loader?.secure === true ? ' secure' : ''}${result.features.smm === true ? ' smm' : ''}`
    }
    const feature = (name: string, enabled: string): string =>
      `<firmware><feature name='${name}' enabled='${enabled}'/></firmware>`
    assert.equal(chosen(''), '/keys.fd /keys.vars secure smm')
    assert.equal(chosen(feature('enrolled-keys', 'no')), '/secure.fd /vars secure smm')
    assert.equal(chosen(feature('secure-boot', 'no')), '/plain.fd /vars')
    assert.equal(chosen(`<loader secure='no'/>`), '/plain.fd /vars')
    assert.equal(chosen('', 'pc-i440fx-7.2'), '/plain.fd /vars')
    assert.equal(chosen('', 'pc-q35-7.2', `<acpi/><smm state='off'/>`), '/plain.fd /vars')
    assert.throws(() => chosen(feature('secure-boot', 'yes'), 'pc-i440fx-7.2'), {
      code: 'XML_UNSUPPORTED',
      message: /with: secure-boot/,
    })
    assert.throws(() => chosen('', 'pc-q35-7.2', ''), { code: 'XML_INVALID', message: /ACPI/ })
  })

  test('gives a UEFI loader the variable store that belongs to it', () => {
    const loader = `<loader readonly='yes' type='pflash'>/secure.fd</loader>`
    const text = domainXml('q35', '', ACPI).replace('</os>', `${loader}</os>`)
    const hosts = [firmware('/secure.fd', '/own.vars', ['requires-smm'])]
    const options = { firmware: hosts, nvramDirectory: '/state' }
    const { os } = readDomain(normaliseDomain(parseDomainXml(text), options)).domain
    assert.deepEqual([os.nvram?.template, os.nvram?.path], ['/own.vars', '/state/web_VARS.fd'])
    assert.equal(os.loader?.secure, true)
    const stored = normaliseDomain(parseDomainXml(text), { ...options, existing: true })
    assert.equal(readDomain(stored).domain.os.nvram, undefined)
    const rom = text.replace('pflash', 'rom').replace('</os>', '<nvram>/x</nvram></os>')
    assert.throws(() => normalise(rom), { code: 'XML_INVALID', message: /variable store/ })
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

  test('rounds NUMA cells up to whole MiB, but not those of an image', () => {
    const cells = (options?: NormaliseOptions): readonly number[] => {
      const numa =
        "<cpu><numa><cell cpus='0' memory='20002'/><cell memory='3' unit='MiB'/></numa></cpu>"
      const text = domainXml('q35').replace('<devices>', `${numa}<devices>`)
      return readDomain(normaliseDomain(parseDomainXml(text), options)).domain.numa.map(
        ({ memoryBytes }) => memoryBytes / 1024,
      )
    }
    assert.deepEqual(cells(), [20 * 1024, 3 * 1024])
    assert.deepEqual(cells({ existing: true }), [20 * 1024, 3 * 1024])
    assert.deepEqual(cells({ existing: true, fromImage: true }), [20002, 3 * 1024])
  })

  test('takes the memory from NUMA cells and modules, as libvirt does, but not in an image', () => {
    const memory = (options?: NormaliseOptions): string | undefined => {
      const dimm =
        "<memory model='dimm'><target><size unit='MiB'>96</size><node>0</node></target></memory>"
      const text = domainXml('q35', dimm)
        .replace(
          '<devices>',
          "<cpu><numa><cell cpus='0' memory='80' unit='MiB'/></numa></cpu><devices>",
        )
        .replace('<memory ', "<maxMemory unit='MiB' slots='2'>1024</maxMemory><memory ")
      const { root } = normaliseDomain(parseDomainXml(text), options)
      return child(root, 'memory')?.textContent ?? undefined
    }
    assert.equal(memory(), String(176 * 1024))
    assert.notEqual(memory({ existing: true, fromImage: true }), String(176 * 1024))
  })

  test('gives each companion of a USB 2 controller its ports', () => {
    const models = ['ich9-ehci1', 'ich9-uhci1', 'ich9-uhci2', 'ich9-uhci3']
    const devices = models.map((model) => `<controller type='usb' model='${model}'/>`).join('')
    const { controllers } = domain(domainXml('q35', devices))
    assert.deepEqual(
      controllers.filter(({ type }) => type === 'usb').map(({ startPort }) => startPort),
      [undefined, 0, 2, 4],
    )
  })

  test('adds USB hubs when the ports are too few, and fills the ports of each before those behind it', () => {
    const tablets = (count: number): string => `<input type='tablet' bus='usb'/>`.repeat(count)
    const ports = (text: string): unknown => {
      const { hubs, inputs } = domain(text)
      const usb = [...hubs, ...inputs.filter(({ bus }) => bus === 'usb')]
      return usb.map(({ address }) => (address?.type === 'usb' ? address.port : undefined))
    }
    assert.deepEqual(ports(domainXml('pc', tablets(2))), ['1', '2'])
    assert.deepEqual(ports(domainXml('pc', tablets(4))), ['1', '2', '1.1', '1.2', '1.3'])
    const deep = `<hub type='usb'/><hub type='usb'/><hub type='usb'/>${tablets(8)}`
    const filled = ['1', '2', '1.1', '1.2', '1.3', '1.4', '1.5', '1.6', '1.7', '1.8', '1.1.1']
    assert.deepEqual(ports(domainXml('pc', deep)), filled)
  })

  test('refuses a USB port that does not exist', () => {
    const tablet = (port: string): string =>
      `<input type='tablet' bus='usb'><address type='usb' bus='0' port='${port}'/></input>`
    const refused = { code: 'XML_INVALID', message: /there is no USB port/ }
    for (const port of ['3', '0', '1.1'])
      assert.throws(() => domain(domainXml('pc', tablet(port))), refused, port)
    const hub = (port: string): string =>
      `<hub type='usb'><address type='usb' bus='0' port='${port}'/></hub>`
    domain(domainXml('pc', hub('1.2') + hub('1') + tablet('1.2.8')))
    assert.throws(() => domain(domainXml('pc', hub('1') + tablet('1.9'))), refused)
    assert.throws(() => domain(domainXml('pc', hub('1.2'))), refused)
  })

  test('puts processors that no NUMA cell names into cell 0 of a new machine', () => {
    const numa = `<vcpu>8</vcpu><cpu><numa><cell id='1' cpus='2-4' memory='32' unit='MiB'/><cell id='0' cpus='0' memory='32' unit='MiB'/></numa></cpu>`
    const text = domainXml('pc', '', numa)
    const cells = (options?: NormaliseOptions): readonly string[] =>
      [...normalise(text, options).matchAll(/cpus='([^']*)'/g)].map(([, cpus = '']) => cpus)
    assert.deepEqual(cells(), ['2-4', '0-1,5-7'])
    assert.deepEqual(cells({ existing: true }), ['2-4', '0'])
  })

  test('chooses a firmware that knows the encryption of the guest', () => {
    const all = [
      firmware('/plain', '/v'),
      firmware('/sev', '/v', ['amd-sev']),
      firmware('/es', '/v', ['amd-sev', 'amd-sev-es', 'amd-sev-snp']),
    ]
    const loader = (type: string, policy: string): string | undefined => {
      const security = `<launchSecurity type='${type}'><policy>${policy}</policy></launchSecurity>`
      const text = domainXml('q35', '', ACPI + security).replace('<os>', "<os firmware='efi'>")
      const options = { firmware: all, nvramDirectory: '/nvram' }
      return />(\/[a-z]+)<\/loader>/.exec(normalise(text, options))?.[1]
    }
    assert.equal(loader('sev', '0x03'), '/sev')
    assert.equal(loader('sev', '0x07'), '/es')
    assert.equal(loader('sev-snp', '0x30000'), '/es')
  })

  test('takes the memory from the NUMA cells when the XML has no other', () => {
    const numa = `<vcpu>2</vcpu><cpu><numa><cell cpus='0' memory='32' unit='MiB'/><cell cpus='1' memory='33' unit='MiB'/></numa></cpu>`
    const text = domainXml('pc', '', numa).replace(/<memory.*?<\/memory>/, '')
    const normalised = normalise(text)
    assert.match(normalised, /<memory unit='KiB'>66560<\/memory>/)
    assert.match(normalised, /<currentMemory unit='KiB'>66560</)
    assert.throws(() => domain(text.replace(/<cpu>.*<\/cpu>/, '')), { code: 'XML_INVALID' })
  })
})
