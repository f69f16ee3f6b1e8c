import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { build, made } from '../../../../test/support/command-line.ts'

suite('buildCommandLine()', () => {
  test('translates cache modes', () => {
    const disk = (driver: string): string =>
      `<disk><driver ${driver}/><source file='/x'/><target dev='vda'/></disk>`
    const argv = build({ devices: disk(`cache='none' io='native'`) })
    assert.equal(made(argv, 'virtio-blk-pci')[0]?.['write-cache'], 'on')
    assert.deepEqual(made(argv, 'raw')[0]?.['cache'], { direct: true, 'no-flush': false })
    assert.equal(made(argv, 'file')[0]?.['aio'], 'native')
    const through = build({ devices: disk(`cache='writethrough'`) })
    assert.equal(made(through, 'virtio-blk-pci')[0]?.['write-cache'], 'off')
    assert.throws(() => build({ devices: disk(`io='native'`) }), { code: 'XML_INVALID' })
  })

  test('builds a chain of images from the bottom and makes lower layers read-only', () => {
    const devices = `<disk><driver type='qcow2'/><source file='/top'/><target dev='vda'/>
      <backingStore type='file'><format type='qcow2'/><source file='/base'/><backingStore/></backingStore></disk>`
    const nodes = made(build({ devices }), 'qcow2')
    assert.deepEqual(
      nodes.map((one) => [one['node-name'], one['read-only'], one['backing']]),
      [
        ['libvirt-1-b-format', true, null],
        ['libvirt-1-format', false, 'libvirt-1-b-format'],
      ],
    )
  })

  test("gives a disk's product, removability and SCSI device id QEMU's names", () => {
    const disk = (bus: string, rest: string, target = ''): string =>
      `<disk><source file='/x'/><target dev='sda' bus='${bus}' ${target}/>${rest}</disk>`
    const first = (driver: string, devices: string): Record<string, unknown> | undefined =>
      made(build({ devices }), driver)[0]
    const sata = first('ide-hd', disk('sata', '<product>p</product>'))
    assert.deepEqual([sata?.['model'], sata?.['product']], ['p', undefined])
    const virtio = `<controller type='scsi' index='0' model='virtio-scsi'/>`
    const narrow = `<controller type='scsi' index='0' model='lsilogic'/>`
    const scsi = first('scsi-hd', virtio + disk('scsi', '<product>p</product>', "removable='on'"))
    assert.deepEqual(
      [scsi?.['model'], scsi?.['product'], scsi?.['removable'], scsi?.['device_id']],
      [undefined, 'p', true, 'drive-scsi0-0-0-0'],
    )
    const lsi = first('scsi-hd', narrow + disk('scsi', ''))
    assert.deepEqual([lsi?.['device_id'], lsi?.['id']], ['drive-scsi0-0-0', 'scsi0-0-0'])
    const named = first('scsi-hd', virtio + disk('scsi', "<alias name='ua-my'/>"))
    assert.equal(named?.['device_id'], 'drive-ua-my')
    assert.equal(
      first('ide-hd', disk('sata', '<serial>a b</serial>'))?.['serial'],
      String.raw`a\ b`,
    )
  })

  test("opens the host's own drive as such, so that an eject reaches it", () => {
    const devices = `<disk type='block' device='cdrom'><source dev='/dev/sr0'/><target dev='sda' bus='sata'/></disk>
      <disk type='block' device='cdrom'><source dev='/dev/vg/iso'/><target dev='sdb' bus='sata'/></disk>`
    const argv = build({ devices }, { opticalDrives: new Set(['/dev/sr0']) })
    assert.equal(made(argv, 'host_cdrom')[0]?.['filename'], '/dev/sr0')
    assert.equal(made(argv, 'host_device')[0]?.['filename'], '/dev/vg/iso')
  })

  test('divides the queues of disks and SCSI controllers among threads, where QEMU can', () => {
    const map = `<iothreads><iothread id='2'><queue id='0'/></iothread><iothread id='1'/></iothreads>`
    const devices = `<disk><driver>${map}</driver><source file='/x'/><target dev='vda'/></disk>
      <controller type='scsi' index='0' model='virtio-scsi'><driver>${map}</driver></controller>`
    const parts = { top: '<iothreads>2</iothreads>', devices }
    const argv = build(parts, { qemuVersion: { major: 10, minor: 0, micro: 0 } })
    const mapping = [{ iothread: 'iothread2', vqs: [0] }, { iothread: 'iothread1' }]
    for (const driver of ['virtio-blk-pci', 'virtio-scsi-pci'])
      assert.deepEqual(made(argv, driver)[0]?.['iothread-vq-mapping'], mapping)
    const lacks = { code: 'QEMU_LACKS_FEATURE', message: /QEMU 7\.2\.0 .*; QEMU 10\.0 can/ }
    assert.throws(() => build(parts), lacks)
  })

  test('encrypts each layer of an image of Ceph, and connections to NBD servers', () => {
    const secret = (digit: number): string =>
      `<secret type='passphrase' uuid='0a81f5b2-8403-7b23-c8d6-21ccc2f80fb${digit}'/>`
    const rbd = `<disk type='network'><source protocol='rbd' name='p/i'><encryption format='luks' engine='librbd'>${secret(0)}${secret(1)}</encryption></source><target dev='vda'/></disk>`
    const qemuVersion = { major: 8, minor: 0, micro: 0 }
    const [image] = made(build({ devices: rbd }, { qemuVersion }), 'rbd')
    const key = 'libvirt-1-format-encryption-secret'
    assert.deepEqual(image?.['encrypt'], {
      ...{ format: 'luks', 'key-secret': `${key}0` },
      parent: { format: 'luks', 'key-secret': `${key}1` },
    })
    assert.throws(() => build({ devices: rbd }), { code: 'QEMU_LACKS_FEATURE' })
    const nbd = `<disk type='network'><source protocol='nbd' tls='yes' tlsHostname='n'><host name='h'/></source><target dev='vda'/></disk>`
    const argv = build({ devices: nbd })
    const id = made(argv, 'tls-creds-x509')[0]?.['id']
    const [server] = made(argv, 'nbd')
    assert.deepEqual([server?.['tls-creds'], server?.['tls-hostname']], [id, 'n'])
  })
})
