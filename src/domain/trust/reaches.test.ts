import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { reachesOf } from './reaches.ts'

test('reachesOf() contains what small devices use of the host', () => {
  const { domain } = readDomain(
    parseDomainXml(`<domain type='qemu'><name>a</name><memory>65536</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>
<input type='passthrough' bus='virtio'><source evdev='/dev/input/event1'/></input>
<input type='evdev'><source dev='/dev/input/event2'/></input>
<rng model='virtio'><backend model='egd' type='unix'><source mode='connect' path='/egd'/></backend></rng>
<rng model='virtio'><backend model='egd' type='tcp'><source mode='connect' host='1.2.3.4' service='9'/></backend></rng>
<rng model='virtio'><backend model='random'>/dev/hwrng</backend></rng><rng model='virtio'><backend model='builtin'/></rng>
<shmem name='a'/><shmem name='b'><model type='ivshmem-doorbell'/><server/></shmem>
<vsock><cid auto='no' address='4'/></vsock>
<pstore backend='acpi-erst'><path>/k</path><size>8</size></pstore></devices></domain>`),
  )
  assert.deepEqual(
    reachesOf(domain).map(({ kind, value, write }) => `${kind} ${value}${write ? ' w' : ''}`),
    [
      'path /egd w',
      'connect 1.2.3.4:9 w',
      'path /dev/hwrng',
      'path /dev/input/event1 w',
      'path /dev/input/event2 w',
      'path /dev/shm/a w',
      'path /var/lib/libvirt/shmem-b-sock w',
      'path /dev/vhost-vsock w',
      'path /k w',
    ],
  )
})

test('reachesOf() contains what network cards use of the host', () => {
  const { domain } = readDomain(
    parseDomainXml(`<domain type='qemu'><name>a</name><memory>65536</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>
<interface type='direct'><source dev='eth0' mode='bridge'/></interface>
<interface type='bridge'><source bridge='ovs0'/><virtualport type='openvswitch'/></interface>
<interface type='ethernet'><backend tap='/tun' vhost='/vhost'/><script path='/up'/><downscript path='/down'/><target dev='tap7'/></interface>
<interface type='user'><source dev='eth1'/><backend type='passt' logFile='/log'/>
  <portForward proto='tcp' address='127.0.0.1'><range start='80'/></portForward><portForward proto='udp'/></interface>
<interface type='vhostuser'><source type='unix' path='/socket' mode='client'/><model type='virtio'/></interface>
</devices></domain>`),
  )
  assert.deepEqual(
    reachesOf(domain).map(({ kind, value }) => `${kind} ${value}`),
    [
      ...['network eth0', 'network ovs0', 'network tap7', 'script /up', 'script /down'],
      ...['path /tun', 'path /vhost'],
      ...['network eth1', 'path /log', 'listen 127.0.0.1:80', 'listen 0.0.0.0:any', 'path /socket'],
    ],
  )
})

test('reachesOf() contains every file that QEMU reads at boot', () => {
  const { domain } = readDomain(
    parseDomainXml(`<domain type='qemu'><name>a</name><memory>65536</memory>
<os><type arch='x86_64' machine='pc'>hvm</type><kernel>/k</kernel><initrd>/i,/j with arguments</initrd><shim>/s</shim>
<acpi><table type='slic'>/t</table></acpi></os><features><acpi/></features>
<sysinfo type='fwcfg'><entry name='opt/a/b' file='/f'/><entry name='opt/a/c'>text</entry></sysinfo></domain>`),
  )
  assert.deepEqual(
    reachesOf(domain).map(({ kind, value, write }) => `${kind} ${value}${write ? ' w' : ''}`),
    ['path /k', 'path /i,/j with arguments', 'path /i', 'path /j', 'path /s', 'path /t', 'path /f'],
  )
})
