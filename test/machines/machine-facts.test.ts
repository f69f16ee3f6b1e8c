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

const GENID = '73769945-b161-4844-930a-8cbf5d2d3f25'

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
  test('does not compare what each host chooses for itself', () => {
    const one = (fact: string, theirs: string, ours: string): readonly string[] => {
      const facts = (value: string): ReturnType<typeof machineFacts> =>
        new Map([[fact, { value, weight: 'visible' }]])
      return differences(facts(theirs), facts(ours)).map(({ weight }) => weight)
    }
    const [mocked, own] = ['00010203-0405-4607-8809-0a0b0c0d0e0f', GENID]
    assert.deepEqual(one('device vmgenid guid', mocked, own), [])
    assert.deepEqual(one('device vmgenid guid', own, mocked), ['visible'])
    assert.deepEqual(one('device at pci.0 0x2 guest-cid', '42', '77'), [])
    assert.deepEqual(one('device at pci.0 0x2 guest-cid', '4', '77'), ['visible'])
    const nbdkit = 'nbd{server={path=/d/nbdkit-libvirt-1-storage.socket,type=unix}}'
    const drive = 'device at pci.0 0x2 drive'
    assert.deepEqual(one(drive, `qcow2(${nbdkit})`, 'qcow2(https{url=https://h/a})'), ['host'])
    assert.deepEqual(one(drive, nbdkit, 'ssh{path=a,server={host=h,port=22}}'), ['host'])
    assert.deepEqual(one(drive, nbdkit, 'qcow2(http{url=http://h/a})'), ['visible'])
    assert.deepEqual(one(drive, 'http{url=http://h/a}', 'http{url=http://h/b}'), ['visible'])
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
