import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { domain, domainXml } from '../../../../test/support/normalised-domain.ts'
import type { Domain } from '../model/domain.ts'

suite('normaliseDomain()', () => {
  test('assigns the lowest free ports to USB devices, hubs first', () => {
    const { inputs, hubs } = domain(
      domainXml('pc', `<input type='tablet'/><input type='mouse' bus='usb'/><hub type='usb'/>`),
    )
    const port = (device: Domain['hubs'][number] | undefined): string | undefined =>
      device?.address?.type === 'usb' ? device.address.port : undefined
    assert.equal(port(hubs[0]), '1')
    assert.deepEqual(inputs.slice(0, 2).map(port), ['2', '1.1'])
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
})
