import assert from 'node:assert/strict'
import { test } from 'node:test'

import { formatDomainXml } from './format.ts'
import { parseDomainXml } from './parse.ts'

test('formatDomainXml() reproduces the output of libvirt byte for byte', () => {
  const text = `<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>a&amp;b &lt;&apos;&quot;&gt;</name>
  <title>Ünïcode</title>
  <metadata>
    <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
      <libosinfo:os id="http://debian.org/debian/12"/>
      <libosinfo:note>it's "quoted" &amp; <libosinfo:b>mixed</libosinfo:b> text</libosinfo:note>
    </libosinfo:libosinfo>
  </metadata>
  <memory unit='KiB'>1024</memory>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <cmdline>a=&apos;1&apos; b</cmdline>
  </os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <source file='/tmp/it&apos;s &lt;here&gt;.img'/>
      <target dev='vda' bus='virtio'/>
    </disk>
  </devices>
  <qemu:commandline>
    <qemu:arg value='-foo'/>
  </qemu:commandline>
</domain>
`
  assert.equal(formatDomainXml(parseDomainXml(text)), text)
})

test('formatDomainXml() indents XML written by hand, and keeps comments', () => {
  const text = `<?xml version="1.0"?><domain type="qemu"><name>x</name><!-- small --><memory
    unit='MiB'>1</memory><os> <type>hvm</type> </os><features></features></domain>`
  assert.equal(
    formatDomainXml(parseDomainXml(text)),
    `<domain type='qemu'>
  <name>x</name>
  <!-- small -->
  <memory unit='MiB'>1</memory>
  <os>
    <type>hvm</type>
  </os>
  <features/>
</domain>
`,
  )
})
