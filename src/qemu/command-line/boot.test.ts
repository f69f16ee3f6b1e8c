import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type Parts, build, domain, made, values } from '../../../test/support/command-line.ts'
import { filesToMake } from './board/firmware.ts'

suite('buildCommandLine()', () => {
  test('boots from a shared directory, and says how many files may be open', () => {
    const share = (driver: string, more = ''): Parts => ({
      top: `<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>`,
      devices: `<filesystem type='mount'>${driver}<boot order='2'/><source dir='/d'/><target dir='t'/>${more}</filesystem>`,
    })
    const binary = `<binary><lock posix='off' flock='off'/><openfiles max='1000'/></binary>`
    const virtiofs = share(`<driver type='virtiofs'/>`, binary)
    assert.deepEqual(
      made(build(virtiofs), 'vhost-user-fs-pci').map(({ bootindex }) => bootindex),
      [2],
    )
    const [{ source } = { source: undefined }] = domain(virtiofs).sharedDirectories
    assert.deepEqual(source?.type === 'virtiofs' ? source.from : undefined, {
      directory: '/d',
      options: ['--rlimit-nofile=1000'],
    })
    assert.throws(() => build(share('')), { code: 'XML_INVALID', message: /virtiofs/ })
  })

  test('hands ACPI tables to the guest, and texts and files to its firmware', () => {
    const tables = `<acpi><table type='raw'>/a,b</table><table type='slic'>/s</table></acpi>`
    const entry = (attributes: string, content = ''): string =>
      `<sysinfo type='fwcfg'><entry ${attributes}>${content}</entry></sysinfo>`
    const acpi = '<features><acpi/></features>'
    const argv = build({
      os: tables,
      top:
        acpi +
        `<sysinfo type='smbios'/>` +
        entry(`name='opt/com.example/a'`, 'b, c') +
        entry(`name='opt/com.coreos/config' file='/ign'`),
    })
    assert.deepEqual(values(argv, '-acpitable'), ['file=/a,,b', 'sig=SLIC,file=/s'])
    assert.deepEqual(values(argv, '-fw_cfg'), [
      'name=opt/com.example/a,string=b,, c',
      'name=opt/com.coreos/config,file=/ign',
    ])
    const invalid = { code: 'XML_INVALID' }
    assert.throws(() => build({ os: tables }), invalid)
    for (const path of ['a', '/a:b'])
      assert.throws(() => build({ os: tables.replace('/s', path), top: acpi }), invalid, path)
    for (const [attributes, content] of [
      [`name='etc/a'`, 'b'],
      [`name='opt/ovmf/a'`, 'b'],
      [`name='opt/org.qemu/a'`, 'b'],
      [`name='opt/${'a'.repeat(60)}'`, 'b'],
      [`name='opt/a/b'`, ''],
      [`name='opt/a/b' file='/c'`, 'b'],
      [`name='opt/a/b' file='c'`, ''],
    ] as const)
      assert.throws(() => build({ top: entry(attributes, content) }), invalid, attributes)
  })

  test('takes the boot order from <os> for the first device of each kind, or from the devices', () => {
    const disk = (dev: string, boot = '', kind = 'disk'): string =>
      `<disk device='${kind}'><source file='/${dev}'/><target dev='${dev}' bus='sata'/>${boot}</disk>`
    const card = `<interface type='user'/>`
    const indexes = (parts: Parts): unknown =>
      [
        ...made(build(parts), 'ide-hd'),
        ...made(build(parts), 'ide-cd'),
        ...made(build(parts), 'rtl8139'),
      ].map((one) => one['bootindex'])
    const devices = disk('sda') + disk('sdb') + disk('sdc', '', 'cdrom') + card
    const os = `<boot dev='cdrom'/><boot dev='network'/><boot dev='hd'/>`
    assert.deepEqual(indexes({ os, devices }), [3, undefined, 1, 2])
    const own = disk('sda', "<boot order='2'/>") + disk('sdb', "<boot order='1'/>")
    assert.deepEqual(indexes({ devices: own }), [2, 1])
    assert.throws(() => build({ devices: own.replace("'2'", "'1'") }), { code: 'XML_INVALID' })
    assert.throws(() => build({ os, devices: own }), { code: 'XML_INVALID' })
  })

  test('creates the flash memories of a UEFI firmware and reports the file to copy', () => {
    const os = `<loader readonly='yes' type='pflash'>/code.fd</loader><nvram template='/vars.fd'>/own.fd</nvram>`
    const top = '<features><acpi/></features>'
    const argv = build({ os, top })
    assert.match(
      values(argv, '-machine')[0] ?? '',
      /,pflash0=libvirt-pflash0-format,pflash1=libvirt-pflash1-format/,
    )
    assert.deepEqual(
      made(argv, 'raw').map((one) => one['read-only']),
      [true, false],
    )
    assert.deepEqual(filesToMake(domain({ os, top })), [{ path: '/own.fd', template: '/vars.fd' }])
  })

  test('shows the menu for a time only where there is a menu', () => {
    const boot = (menu: string): unknown => values(build({ os: menu }), '-boot')[0]
    assert.equal(boot(`<bootmenu enable='yes' timeout='3'/>`), 'menu=on,splash-time=3,strict=on')
    assert.equal(boot(`<bootmenu enable='no' timeout='3'/>`), 'menu=off,strict=on')
  })

  test("refuses another UUID in the SMBIOS tables than the domain's", () => {
    const sysinfo = (uuid: string): string =>
      `<uuid>11111111-2222-3333-4444-000000000072</uuid><sysinfo type='smbios'><system><entry name='uuid'>${uuid}</entry></system></sysinfo>`
    const smbios = (uuid: string): unknown =>
      values(build({ top: sysinfo(uuid), os: `<smbios mode='sysinfo'/>` }), '-smbios')[0]
    const own = '11111111-2222-3333-4444-000000000072'
    assert.equal(smbios(own), `type=1,uuid=${own}`)
    assert.throws(() => smbios('11111111-2222-3333-4444-000000000073'), { code: 'XML_INVALID' })
  })
})
