import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { build, made, values } from '../../../../test/support/command-line.ts'

suite('buildCommandLine()', () => {
  test('sends each sound card to its backend', () => {
    const devices = `<audio id='1' type='none'/><audio id='2' type='pulseaudio' serverName='s'><output latency='9'/></audio>
      <sound model='sb16'><audio id='2'/></sound><sound model='pcspk'/><sound model='virtio' streams='4'/>`
    const argv = build({ devices })
    assert.deepEqual(values(argv, '-audiodev'), [
      '{"id":"audio1","driver":"none"}',
      '{"id":"audio2","driver":"pa","server":"s","out":{"latency":9}}',
    ])
    assert.equal(made(argv, 'sb16')[0]?.['audiodev'], 'audio2')
    assert.equal(made(argv, 'virtio-sound-pci')[0]?.['streams'], 4)
    assert.match(values(argv, '-machine')[0] ?? '', /,pcspk-audiodev=audio1/)
  })

  test('reserves memory behind a bridge', () => {
    const devices = `<controller type='pci' index='1' model='dmi-to-pci-bridge'/>
      <controller type='pci' index='2' model='pci-bridge'><target memReserve='8196'/></controller>`
    assert.equal(made(build({ devices }), 'pci-bridge')[0]?.['mem-reserve'], 8196 * 1024)
  })

  test('creates parallel ports, crypto devices and one IOMMU, which comes before the devices', () => {
    const iommu = `<iommu model='intel'><driver intremap='on' eim='off' aw_bits='48'/></iommu>`
    const devices = `<parallel type='null'/><crypto model='virtio' type='qemu'><backend model='builtin' queues='2'/></crypto>${iommu}`
    const argv = build({ devices })
    assert.deepEqual(made(argv, 'isa-parallel'), [
      { driver: 'isa-parallel', chardev: 'charparallel0', id: 'parallel0' },
    ])
    assert.equal(made(argv, 'cryptodev-backend-builtin')[0]?.['queues'], 2)
    assert.equal(made(argv, 'virtio-crypto-pci')[0]?.['cryptodev'], 'objcrypto0')
    const first = JSON.parse(values(argv, '-device')[0] ?? '') as unknown
    const expected = { driver: 'intel-iommu', id: 'iommu0', intremap: 'on', eim: 'off' }
    assert.deepEqual(first, { ...expected, 'aw-bits': 48 })
    const refused = { code: 'XML_INVALID' }
    assert.throws(() => build({ devices: iommu + iommu }), refused)
    assert.throws(() => build({ devices: iommu, machine: 'pc-i440fx-7.2' }), refused)
  })

  test('creates input devices of the host, sources of random numbers and shared memory', () => {
    const argv = build({
      devices: `<input type='passthrough' bus='virtio'><source evdev='/dev/input/event1'/></input>
<input type='evdev'><source dev='/dev/input/event2' grab='all' grabToggle='alt-alt' repeat='on'/></input>
<rng model='virtio'><backend model='egd' type='tcp'><source mode='connect' host='1.2.3.4' service='1234'/></backend></rng>
<shmem name='a' role='peer'/><shmem name='b'><model type='ivshmem-doorbell'/><server path='/s'/><msi vectors='4'/></shmem>
<pstore backend='acpi-erst'><path>/k</path><size unit='KiB'>8</size></pstore>
<vsock><cid auto='no' address='4'/></vsock><watchdog model='ib700' action='dump'/>`,
      machine: 'pc-i440fx-7.2',
    })
    assert.equal(made(argv, 'virtio-input-host-pci')[0]?.['evdev'], '/dev/input/event1')
    assert.deepEqual(made(argv, 'input-linux')[0], {
      ...{ 'qom-type': 'input-linux', id: 'input1', evdev: '/dev/input/event2' },
      ...{ repeat: true, grab_all: true, 'grab-toggle': 'alt-alt' },
    })
    assert.equal(made(argv, 'rng-egd')[0]?.['chardev'], 'charrng0')
    assert.ok(argv.includes('socket,id=charrng0,host=1.2.3.4,port=1234'))
    assert.equal(made(argv, 'ivshmem-plain')[0]?.['master'], 'off')
    assert.deepEqual(
      made(argv, 'memory-backend-file').map((one) => [one['mem-path'], one['size']]),
      [
        ['/dev/shm/a', 4 * 1024 * 1024],
        ['/k', 8192],
      ],
    )
    const doorbell = made(argv, 'ivshmem-doorbell')[0]
    assert.deepEqual([doorbell?.['vectors'], doorbell?.['ioeventfd']], [4, true])
    assert.equal(made(argv, 'acpi-erst')[0]?.['memdev'], 'mempstore0')
    assert.equal(made(argv, 'vhost-vsock-pci')[0]?.['guest-cid'], 4)
    assert.deepEqual(values(argv, '-watchdog-action'), ['pause'])
  })

  test('gives many processors an IOMMU, and a vsock its address from the UUID', () => {
    const argv = build({ top: `<vcpu>288</vcpu>` })
    assert.deepEqual(made(argv, 'intel-iommu'), [
      { driver: 'intel-iommu', id: 'iommu0', intremap: 'on', eim: 'on' },
    ])
    assert.match(values(argv, '-machine')[0] ?? '', /,kernel_irqchip=split,/)
    assert.deepEqual(made(build({ top: `<vcpu>255</vcpu>` }), 'intel-iommu'), [])
    const top = `<uuid>00000002-2222-3333-4444-000000000072</uuid>`
    const auto = build({ top, devices: `<vsock><cid auto='yes'/></vsock>` })
    assert.equal(made(auto, 'vhost-vsock-pci')[0]?.['guest-cid'], 5)
  })

  test('refuses small devices that QEMU or the guest cannot have', () => {
    for (const devices of [
      `<shmem name='../x'/>`,
      `<shmem name='x'><size unit='KiB'>512</size></shmem>`,
      `<shmem name='x'><size unit='MiB'>3</size></shmem>`,
      `<shmem name='x'><address type='isa'/></shmem>`,
      `<vsock><cid auto='no' address='2'/></vsock>`,
      `<vsock/>`,
      `<iommu model='virtio'/>`,
      `<iommu model='virtio'><driver eim='on'/></iommu>`,
      `<input type='passthrough' bus='usb'><source evdev='/i'/></input>`,
      `<input type='evdev'/>`,
      `<rng model='virtio'><backend model='egd' type='unix'><source mode='connect'/></backend></rng>`,
    ])
      assert.throws(() => build({ devices }), { code: 'XML_INVALID' }, devices)
  })
})
