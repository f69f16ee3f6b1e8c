import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { differences } from './compare.ts'
import { machineFacts } from './machine-facts.ts'
import { recordedArguments } from './shell-words.ts'

const RECORDED = String.raw`LC_ALL=C \
/usr/bin/qemu-system-x86_64 \
-name guest=a,debug-threads=on \
-machine pc-q35-10.0,usb=off,memory-backend=pc.ram \
-accel kvm \
-cpu Haswell,vme=on,hv-time=on \
-m size=219136k \
-object '{"qom-type":"memory-backend-ram","id":"pc.ram","size":224395264}' \
-smp 1,sockets=1,cores=1,threads=1 \
-device '{"driver":"pcie-root-port","port":8,"chassis":1,"id":"pci.1","bus":"pcie.0","addr":"0x1"}' \
-blockdev '{"driver":"file","filename":"/a","node-name":"libvirt-1-storage"}' \
-device '{"driver":"virtio-blk-pci","bus":"pci.1","addr":"0x0","drive":"libvirt-1-storage","id":"virtio-disk0","werror":"stop"}' \
-netdev '{"type":"tap","fd":"3","id":"hostnet0"}' \
-device '{"driver":"virtio-net-pci","netdev":"hostnet0","id":"net0","mac":"52:54:00:00:00:01","bus":"pcie.0","addr":"0x3"}'
`

suite('differences()', () => {
  const weights = (from: string | RegExp, to: string): readonly string[] => {
    const changed = RECORDED.replace(from, to)
    assert.notEqual(changed, RECORDED)
    const facts = (text: string): ReturnType<typeof machineFacts> =>
      machineFacts(recordedArguments(text))
    return differences(facts(RECORDED), facts(changed)).map(({ weight }) => weight)
  }

  test('finds none between two ways to write a machine', () => {
    assert.deepEqual(weights(/"id":"virtio-disk0"/, '"id":"ua-disk"'), [])
    assert.deepEqual(weights(/usb=off,/, 'usb=off,acpi=on,'), [])
    assert.deepEqual(weights(/"fd":"3"/, '"fd":"7"'), [])
    assert.deepEqual(weights(/size=219136k/, 'size=214M'), [])
    assert.deepEqual(
      weights(
        /-device '{"driver":"pcie-root-port".*}'/,
        '-device pcie-root-port,port=0x8,chassis=1,id=pci.1,bus=pcie.0,addr=0x1',
      ),
      [],
    )
    assert.deepEqual(
      weights(
        /(-blockdev .*)\n/,
        '$1\n-blockdev \'{"driver":"raw","node-name":"libvirt-1-format","file":"libvirt-1-storage"}\' \\\n',
      ),
      [],
    )
  })
  test("finds the host's side", () => {
    assert.deepEqual(weights(/"type":"tap"/, '"type":"user"'), ['host'])
    assert.deepEqual(weights(/"werror":"stop"/, '"werror":"report"'), ['host'])
    assert.deepEqual(weights(/memory-backend-ram/, 'memory-backend-memfd'), ['host'])
  })
  test('distinguishes flags of the processor from those of features', () => {
    assert.deepEqual(weights(/vme=on/, 'vme=off'), ['cpu'])
    assert.deepEqual(weights(/hv-time=on/, 'hv-time=off'), ['visible'])
  })
  test('finds what the guest can notice', () => {
    assert.deepEqual(weights(/00:01"/, '00:02"'), ['visible'])
    assert.deepEqual(weights(/"filename":"\/a"/, '"filename":"/b"'), ['visible'])
  })
  test('finds what breaks the stream', () => {
    assert.deepEqual(weights(/"size":224395264/, '"size":224395265'), ['stream'])
    assert.deepEqual(weights(/"driver":"virtio-net-pci"/, '"driver":"e1000"'), ['stream'])
    assert.deepEqual(weights(/"addr":"0x3"/, '"addr":"0x4"'), ['stream', 'stream'])
    assert.deepEqual(weights(/-device '{"driver":"virtio-net-pci".*'/, ''), ['stream'])
    assert.deepEqual(weights(/"chassis":1/, '"chassis":2'), ['stream'])
    assert.deepEqual(weights(/pc-q35-10.0/, 'pc-q35-9.2'), ['stream'])
  })
})
