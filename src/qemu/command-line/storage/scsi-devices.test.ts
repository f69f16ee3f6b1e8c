import assert from 'node:assert/strict'
import { test } from 'node:test'
import { build, domain, made } from '../../../../test/support/command-line.ts'

const unit = (adapter: number, more = ''): string =>
  `<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host${adapter}'/><address bus='0' target='1' unit='2'/></source>${more}</hostdev>`
const CONTROLLER = `<controller type='scsi' index='0' model='virtio-scsi'/>`
const DISK = `<disk type='file' device='disk'><source file='/d'/><target dev='sda' bus='scsi'/></disk>`

test('hostDeviceArguments() gives the guest a SCSI unit of the host through its own device', () => {
  const argv = build(
    { devices: `${CONTROLLER}${unit(3, '<readonly/>')}` },
    { scsiDevices: new Map([['3:0:1:2', '/dev/sg4']]) },
  )
  const node = 'libvirt-hostdev0-backend'
  assert.deepEqual(made(argv, 'host_device'), [
    { driver: 'host_device', filename: '/dev/sg4', 'node-name': node, 'read-only': true },
  ])
  const at = { bus: 'scsi0.0', channel: 0, 'scsi-id': 0, lun: 0 }
  assert.deepEqual(made(argv, 'scsi-generic'), [
    { driver: 'scsi-generic', ...at, drive: node, id: 'hostdev0' },
  ])
  assert.throws(() => build({ devices: `${CONTROLLER}${unit(3)}` }), {
    code: 'XML_INVALID',
    message: /hostdev.*\/source: this host has no SCSI device 3:0:1:2/,
  })
})

test('hostDeviceArguments() gives the guest a SCSI unit of a server, with a password that no command line shows', () => {
  const source = `<source protocol='iscsi' name='iqn.2020-01.a:b/4'><host name='h' port='1'/><auth username='me'><secret type='iscsi' usage='u'/></auth></source>`
  const devices = `${CONTROLLER}<hostdev mode='subsystem' type='scsi'>${source}</hostdev>`
  const argv = build({ devices }, { secretFiles: new Map([['iscsi u', '/proc/self/fd/9']]) })
  const secret = 'libvirt-hostdev0-backend-secret0'
  assert.deepEqual(made(argv, 'secret'), [
    { 'qom-type': 'secret', id: secret, file: '/proc/self/fd/9' },
  ])
  const [node] = made(argv, 'iscsi')
  assert.equal(node?.['target'], 'iqn.2020-01.a:b')
  assert.equal(node['lun'], 4)
  assert.equal(node['password-secret'], secret)
})

test('normaliseDomain() gives SCSI units of the host free addresses, and controllers of the same model', () => {
  const units = [0, 1, 2, 3, 4, 5, 6, 7].map((adapter) => unit(adapter)).join('')
  const { hostDevices, controllers } = domain({ devices: `${DISK}${CONTROLLER}${units}` })
  const places = hostDevices.map(({ address }) =>
    address?.type === 'drive' ? `${address.controller}.${address.unit}` : '',
  )
  assert.deepEqual(places, ['0.1', '0.2', '0.3', '0.4', '0.5', '0.6', '1.0', '1.1'])
  const scsi = controllers.filter(({ type }) => type === 'scsi')
  assert.deepEqual(
    scsi.map(({ model }) => model),
    ['virtio-scsi', 'virtio-scsi'],
  )
})

test('normaliseDomain() refuses a SCSI unit at the address of a disk', () => {
  const address = `<address type='drive' controller='0' bus='0' target='0' unit='0'/>`
  assert.throws(() => domain({ devices: `${DISK}${CONTROLLER}${unit(0, address)}` }), {
    message: /hostdev.*already used by .*disk/,
  })
})
