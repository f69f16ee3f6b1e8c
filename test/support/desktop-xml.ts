import { guestPaths } from './guests.ts'

/** A guest with a desktop. */
export interface Desktop {
  readonly emulator: string
  /** The file of its serial port. */
  readonly serial: string
  readonly video?: string
}

/** What virt-install writes for a desktop, with a password and a smart card. */
export function desktopXml({ emulator, serial, video = 'qxl' }: Desktop): string {
  return `<domain type='qemu'>
  <name>desktop</name>
  <uuid>1f0a8d7c-7a3d-4a63-9f63-6f2f35f2d6c1</uuid>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type><boot dev='hd'/></os>
  <features><acpi/><apic/><vmport state='off'/></features>
  <cpu mode='custom' match='exact' check='none'><model fallback='forbid'>qemu64</model></cpu>
  <pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='no'/></pm>
  <devices>
    <emulator>${emulator}</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='${guestPaths().tinyDisk}'/>
      <target dev='vda' bus='virtio'/>
      <readonly/>
    </disk>
    <controller type='usb' model='qemu-xhci' ports='15'/>
    <smartcard mode='passthrough' type='spicevmc'/>
    <serial type='file'><source path='${serial}' append='on'/></serial>
    <channel type='unix'><source mode='bind'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>
    <input type='tablet' bus='usb'/>
    <graphics type='spice' port='-1' tlsPort='-1' autoport='yes' passwd='sesame'><image compression='off'/></graphics>
    <sound model='ich9'/>
    <video><model type='${video}'/></video>
    <redirdev bus='usb' type='spicevmc'/>
    <redirdev bus='usb' type='spicevmc'/>
    <memballoon model='virtio'/>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
  </devices>
</domain>`
}
