import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { at, domain, domainXml, normalise } from '../../../../test/support/normalised-domain.ts'
import type { Domain } from '../model/domain.ts'

suite('normaliseDomain()', () => {
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
})
