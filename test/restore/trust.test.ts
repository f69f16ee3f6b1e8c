import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import {
  type AllowRule,
  StasisError,
  checkImage,
  defineDomain,
  destroyDomain,
  domainInfo,
  restoreDomain,
  saveDomain,
  undefineDomain,
} from '../../src/index.ts'
import { defineImage } from '../../src/domain/images/define-image.ts'
import { editImage } from '../../src/domain/images/edit-image.ts'
import { readDescription } from '../../src/image/open-image.ts'
import { replaceDescription } from '../../src/image/replace-description.ts'
import { isThere } from '../../src/io/files/file-names.ts'
import { cacheDir } from '../support/cache-dir.ts'
import { domainXml } from '../support/domain-xml.ts'
import { newestQemu } from '../support/qemus.ts'
import { stasisWith } from '../support/stasis-command.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'
import { smallXml, writeRawImage } from '../support/test-store.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

// The defaults of a host that allows nothing in addition.
delete process.env['STASIS_ALLOW']

/** What the tests' own QEMUs need. */
const OWN: readonly AllowRule[] = [`emulator:${cacheDir}`]

const UUID = '5a1e0000-0000-4000-8000-000000000001'

/** A program that leaves a file when it runs. */
async function trap(dir: TempDir, name: string): Promise<string> {
  const path = dir.join(name)
  await writeFile(path, `#!/bin/sh\ntouch ${dir.join('RAN')}\n`)
  await chmod(path, 0o755)
  return path
}

interface Hostile {
  readonly name: string
  /** What the image asks for, as the list shows it. */
  readonly listed: RegExp
  readonly rule: (dir: TempDir) => AllowRule
  readonly devices?: (dir: TempDir) => string
  readonly os?: (dir: TempDir) => string
}

/** The acts of a hostile image; `canary` and `new` are files that must stay as they are: full, and absent. */
const HOSTILE: readonly Hostile[] = [
  {
    name: 'an emulator',
    devices: (dir) => `<emulator>${dir.join('evil')}</emulator>`,
    listed: /emulator .*evil, at \/domain\/devices\/emulator/,
    rule: (dir) => `emulator:${dir.join('evil')}`,
  },
  {
    name: 'a script of an interface',
    devices: (dir) =>
      `<interface type='ethernet'><script path='${dir.join('evil')}'/><model type='virtio'/></interface>`,
    listed: /network script .*evil/,
    rule: (dir) => `script:${dir.join('evil')}`,
  },
  {
    name: 'a serial file over another file',
    devices: (dir) => `<serial type='file'><source path='${dir.join('canary')}'/></serial>`,
    listed: /serial port file .*canary \(read and written\)/,
    rule: (dir) => `path:${dir.join('canary')}`,
  },
  {
    name: 'a serial socket over another file',
    devices: (dir) =>
      `<serial type='unix'><source mode='bind' path='${dir.join('canary')}'/></serial>`,
    listed: /serial port socket .*canary/,
    rule: (dir) => `path:${dir.path}`,
  },
  {
    name: 'a socket of another program',
    devices: (dir) =>
      `<serial type='unix'><source mode='connect' path='${dir.join('canary')}'/></serial>`,
    listed: /serial port socket of another program .*canary/,
    rule: (dir) => `path:${dir.path}/`,
  },
  {
    name: 'a log file',
    devices: (dir) => `<serial type='pty'><log file='${dir.join('new')}'/></serial>`,
    listed: /serial port log .*new/,
    rule: (dir) => `path:${dir.join('new')}`,
  },
  {
    name: 'a disk',
    devices: (dir) => disk(dir.join('canary')),
    listed: /raw disk .*canary \(read and written\)/,
    rule: (dir) => `path:${dir.join('canary')}`,
  },
  {
    name: 'a read-only disk',
    devices: (dir) => disk(dir.join('canary'), '<readonly/>'),
    listed: /disk .*canary \(read\)/,
    rule: (dir) => `path:${dir.join('canary')}`,
  },
  {
    name: 'a block device',
    devices: () =>
      `<disk type='block' device='disk'><source dev='/dev/null'/><target dev='vda' bus='virtio'/></disk>`,
    listed: /disk \/dev\/null/,
    rule: () => 'path:/dev/null',
  },
  {
    name: 'a kernel',
    os: (dir) => `<kernel>${dir.join('canary')}</kernel>`,
    listed: /kernel .*canary \(read\)/,
    rule: (dir) => `path:${dir.join('canary')}`,
  },
  {
    name: 'a variable store and its template',
    os: (dir) =>
      `<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader><nvram template='${dir.join('canary')}'>${dir.join('new')}</nvram>`,
    listed: /UEFI variable store .*new[^]*template of the UEFI variable store .*canary/,
    rule: (dir) => `path:${dir.path}`,
  },
  {
    name: 'a TCP port on all addresses',
    devices: () =>
      `<serial type='tcp'><source mode='bind' host='0.0.0.0' service='4555'/></serial>`,
    listed: /serial port 0\.0\.0\.0:4555/,
    rule: () => 'listen:0.0.0.0',
  },
  {
    name: 'a TCP connection',
    devices: () =>
      `<serial type='tcp'><source mode='connect' host='10.0.0.1' service='80'/></serial>`,
    listed: /serial port 10\.0\.0\.1:80/,
    rule: () => 'connect:10.0.0.1:80',
  },
  {
    name: 'VNC on all addresses',
    devices: () =>
      `<graphics type='vnc' port='5977' listen='0.0.0.0'/><video><model type='vga'/></video>`,
    listed: /VNC server 0\.0\.0\.0:5977/,
    rule: () => 'listen:0.0.0.0:5977',
  },
  {
    name: 'a forwarded port on all addresses',
    devices: () =>
      `<interface type='user'><model type='virtio'/><portForward proto='tcp'><range start='4556' to='22'/></portForward></interface>`,
    listed: /forwarded port 0\.0\.0\.0:4556/,
    rule: () => 'listen:*',
  },
  {
    name: 'a bridge',
    devices: () =>
      `<interface type='bridge'><source bridge='br0'/><model type='virtio'/></interface>`,
    listed: /bridge br0/,
    rule: () => 'network:br0',
  },
]

function disk(path: string, more = ''): string {
  return `<disk type='file' device='disk'><driver type='raw'/><source file='${path}'/>${more}<target dev='vda' bus='virtio'/></disk>`
}

describe('an image from elsewhere', () => {
  for (const { name, devices, os, listed, rule } of HOSTILE) {
    test(`${name}: restoreDomain() and checkImage() list it, and nothing happens`, async () => {
      await using dir = await tempDir()
      const stateDir = dir.join('state')
      await writeFile(dir.join('canary'), 'precious')
      await trap(dir, 'evil')
      const image = dir.join('image')
      const xml = smallXml({ name: 'web', uuid: UUID, devices: devices?.(dir) ?? '' })
      await writeRawImage(image, { xml: xml.replace('</os>', `${os?.(dir) ?? ''}</os>`) })

      await assert.rejects(restoreDomain(image, { stateDir }), (error: unknown) => {
        assert.ok(StasisError.is(error, 'IMAGE_UNTRUSTED'), String(error))
        assert.match(error.message, listed)
        assert.match(error.message, /--allow /)
        return true
      })
      const { findings, loadable } = await checkImage(image, { stateDir })
      assert.equal(loadable, false)
      const trust = findings.filter(({ code }) => code === 'TRUST').map(({ text }) => text)
      assert.match(trust.join('\n'), listed)
      assert.deepEqual(
        findings.filter(({ code }) => code === 'EMULATOR'),
        [],
      )
      assert.equal(await readFile(dir.join('canary'), 'utf8'), 'precious')
      for (const path of ['RAN', 'new']) assert.equal(await isThere(dir.join(path)), false, path)

      const allowed = await checkTrustOnly(image, stateDir, [rule(dir)])
      assert.deepEqual(allowed, [])
      assert.deepEqual(await checkTrustOnly(image, stateDir, ['everything']), [])
    })
  }

  test('the commands end with exit code 5 and name the options', async () => {
    await using dir = await tempDir()
    const image = dir.join('image')
    const devices = `<emulator>${await trap(dir, 'evil')}</emulator>${disk('/etc/shadow')}`
    await writeRawImage(image, { xml: smallXml({ name: 'web', devices }) })
    const surroundings = { stateDir: dir.join('state'), env: {} }
    for (const args of [['restore'], ['restore', '--check'], ['image-check']]) {
      const { exitCode, stdout, stderr } = await stasisWith(surroundings, ...args, image)
      assert.equal(exitCode, 5, stderr)
      assert.match(stdout + stderr, /--allow path:\/etc\/shadow/)
      assert.match(stdout + stderr, /--allow emulator:/)
    }
    const json = await stasisWith(surroundings, '--json', 'restore', image)
    assert.match(json.stderr + json.stdout, /"code":"IMAGE_UNTRUSTED"/)
    const wrong = await stasisWith(surroundings, 'restore', image, '--allow', 'nothing')
    assert.equal(wrong.exitCode, 2, wrong.stderr)
    assert.equal(await isThere(dir.join('RAN')), false)
  })

  test('the list is short, and its text does not reach the terminal as it is', async () => {
    await using dir = await tempDir()
    const image = dir.join('image')
    const ports = `<portForward proto='tcp'><range start='2000' end='2999' to='2000'/></portForward>`
    const cards = `<interface type='user'><model type='virtio'/>${ports}</interface>`
    const devices = `${disk('/vm/a\u009b31m\u202eb')}${cards}`
    await writeRawImage(image, { xml: smallXml({ name: 'web', devices }) })
    await assert.rejects(restoreDomain(image, { stateDir: dir.join('state') }), (error: Error) => {
      assert.match(error.message, /\/vm\/a\\u\{9b\}31m\\u\{202e\}b/)
      assert.doesNotMatch(error.message, /[\u009b\u202e]/)
      assert.match(error.message, /and 951 more$/)
      return true
    })
  })

  test('a link inside an allowed directory does not lead out of it', async () => {
    await using dir = await tempDir()
    const image = dir.join('image')
    await mkdir(dir.join('vm'))
    await writeFile(dir.join('canary'), 'precious')
    await symlink(dir.join('canary'), dir.join('vm/link'))
    await symlink(dir.join('absent'), dir.join('vm/dangling'))
    for (const path of ['link', 'dangling', '../canary']) {
      const devices = disk(`${dir.join('vm')}/${path}`)
      await writeRawImage(image, { xml: smallXml({ name: 'web', devices }) })
      const found = await checkTrustOnly(image, dir.join('state'), [`path:${dir.join('vm')}`])
      assert.equal(found.length, 1, path)
    }
  })

  test('an allowed disk does not open others that its header names', async () => {
    await using dir = await tempDir()
    const image = dir.join('image')
    await mkdir(dir.join('vm'))
    for (const path of ['canary', 'content']) await writeFile(dir.join(path), Buffer.alloc(65536))
    const overlay = dir.join('vm/overlay')
    qemuImg('create', '-f', 'qcow2', '-b', dir.join('canary'), '-F', 'raw', overlay)
    const external = dir.join('vm/external')
    qemuImg('create', '-f', 'qcow2', '-o', `data_file=${dir.join('content')}`, external, '64k')
    const chain = dir.join('vm/chain')
    qemuImg('create', '-f', 'qcow2', '-b', 'overlay', '-F', 'qcow2', chain)
    const allow = [`path:${dir.join('vm')}`] as const
    const cases: readonly (readonly [string, string, RegExp | undefined])[] = [
      [overlay, '', /backing file .*canary \(read\), at the header of .*overlay/],
      [chain, '', /backing file .*canary \(read\), at the header of .*overlay/],
      [external, '', /external data file .*content \(read and written\)/],
      [overlay, '<backingStore/>', undefined],
    ]
    for (const [path, more, listed] of cases) {
      const devices = disk(path, more).replace("type='raw'", "type='qcow2'")
      await writeRawImage(image, { xml: smallXml({ name: 'web', devices }) })
      const found = await checkTrustOnly(image, dir.join('state'), allow)
      assert.equal(found.length, listed === undefined ? 0 : 1, `${path}: ${found.join()}`)
      if (listed !== undefined) assert.match(found.join(), listed)
      assert.deepEqual(
        await checkTrustOnly(image, dir.join('state'), [...allow, `path:${dir.path}`]),
        [],
      )
    }
  })

  test('another program of the distribution is not an emulator', async () => {
    await using dir = await tempDir()
    const image = dir.join('image')
    for (const emulator of [
      '/usr/bin/env',
      '/bin/sh',
      '/usr/bin/qemu-img',
      'qemu-system-x86_64',
      'usr/bin/qemu-system-x86_64',
    ]) {
      await writeRawImage(image, {
        xml: smallXml({ name: 'web', devices: `<emulator>${emulator}</emulator>` }),
      })
      assert.equal((await checkTrustOnly(image, dir.join('state'), [])).length, 1, emulator)
    }
  })
})

function qemuImg(...args: readonly string[]): void {
  execFileSync('qemu-img', args, { stdio: 'ignore' })
}

async function checkTrustOnly(
  image: string,
  stateDir: string,
  allow: readonly AllowRule[],
): Promise<readonly string[]> {
  const { findings } = await checkImage(image, { stateDir, allow })
  return findings.filter(({ code }) => code === 'TRUST').map(({ text }) => text)
}

test('defineDomain() runs only an allowed emulator, and warns of scripts', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const evil = await trap(dir, 'evil')
  const text = smallXml({ name: 'web', devices: `<emulator>${evil}</emulator>` })
  await assert.rejects(defineDomain(text, { stateDir }), { code: 'QEMU_UNTRUSTED' })
  assert.equal(await isThere(dir.join('RAN')), false)
  await assert.rejects(defineDomain(text, { stateDir, allow: [`emulator:${evil}`] }), {
    code: 'QEMU_START_FAILED',
  })
  assert.equal(await isThere(dir.join('RAN')), true)

  const script = `<interface type='ethernet'><script path='/etc/my-if-up'/><model type='virtio'/></interface>`
  const machine = smallXml({ name: 'net', devices: script }).replace('pc-q35-10.0', 'q35')
  await assert.rejects(defineDomain(machine, { stateDir }), {
    code: 'QEMU_UNTRUSTED',
    message: /: \/etc\/my-if-up$/,
  })
  await defineDomain(machine, { stateDir, allow: ['script:/etc/my-if-up'] })
})

for (const { emulator, label } of newestQemu()) {
  test(`an image of this host is restored without questions, edited or not (QEMU ${label})`, async () => {
    await using tiny = await startTinyDomain({ emulator, allow: OWN })
    const { stateDir, dir } = tiny
    const image = dir.join('image')
    await saveDomain('tiny', image, { stateDir })
    // What a definition names must not be the reason.
    await undefineDomain('tiny', { stateDir })
    await restoreDomain(image, { stateDir })
    await destroyDomain('tiny', { stateDir })

    const log = dir.join('other-log')
    const edited = async (xml: string): Promise<string> =>
      Promise.resolve(xml.replace(dir.join('serial'), log))
    assert.equal(await defineImage(image, edited, { stateDir }), true)
    await restoreDomain(image, { stateDir, force: true })
    await destroyDomain('tiny', { stateDir })
    // XML of the caller has the emulator of the image, which this host knows.
    const xml = (await readDescription(image)).xml.replace(log, dir.join('given-log'))
    await restoreDomain(image, { stateDir, force: true, xml })
    await destroyDomain('tiny', { stateDir })

    // By another program: now it is as foreign as any.
    const description = await readDescription(image)
    await replaceDescription(image, {
      ...description,
      xml: description.xml.replace(log, dir.join('third-log')),
    })
    await assert.rejects(restoreDomain(image, { stateDir, force: true }), {
      code: 'IMAGE_UNTRUSTED',
      message: /third-log/,
    })
    assert.equal(await isThere(dir.join('third-log')), false)
    // Our own edit of a foreign image does not vouch for the rest of it.
    const onFault = async (): Promise<boolean> => Promise.resolve(false)
    assert.equal(
      await editImage(image, { stateDir, editor: 'sed -i s/third-log/fourth-log/', onFault }),
      true,
    )
    await assert.rejects(restoreDomain(image, { stateDir, force: true }), {
      code: 'IMAGE_UNTRUSTED',
    })
    const allow = ['everything'] as const
    await restoreDomain(image, { stateDir, force: true, allow })
    assert.equal((await domainInfo('tiny', { stateDir })).state, 'running')
  })

  test(`an image of another host is restored where its domain is defined (QEMU ${label})`, async () => {
    await using tiny = await startTinyDomain({ emulator, allow: OWN })
    const { dir } = tiny
    const image = dir.join('image')
    await saveDomain('tiny', image, { stateDir: tiny.stateDir })
    const stateDir = dir.join('other-state')
    await assert.rejects(restoreDomain(image, { stateDir }), { code: 'IMAGE_UNTRUSTED' })
    await defineDomain(tiny.xml, { stateDir, allow: OWN })
    await restoreDomain(image, { stateDir })
    await destroyDomain('tiny', { stateDir })
    // The same name and UUID, but a definition that only reads what the image writes.
    const serial = { type: 'file', path: dir.join('another') } as const
    const other = domainXml({ name: 'tiny', guest: 'tiny', emulator, serial })
    await defineDomain(other, { stateDir, allow: OWN })
    await assert.rejects(restoreDomain(image, { stateDir, force: true }), {
      code: 'IMAGE_UNTRUSTED',
      message: /serial port file/,
    })
  })
}

test('the id of an image of this host does not make another image its own', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir } = tiny
  const image = dir.join('image')
  await saveDomain('tiny', image, { stateDir })
  const { id } = await readDescription(image)
  const forged = dir.join('forged')
  const evil = await trap(dir, 'evil')
  const xml = smallXml({ name: 'web', devices: `<emulator>${evil}</emulator>` })
  await writeRawImage(forged, { xml, id })
  assert.equal((await readDescription(forged)).id, id)
  await assert.rejects(restoreDomain(forged, { stateDir }), { code: 'IMAGE_UNTRUSTED' })
  assert.equal(await isThere(dir.join('RAN')), false)
})

test('a recorded command line runs only where it was recorded', async () => {
  await using dir = await tempDir()
  const image = dir.join('image')
  const cookie = `<cookie>
  <stasis:origin xmlns:stasis='urn:stasis:origin:1' qemu='7.2.0' host='h' time='t' emulator='/usr/bin/qemu-system-x86_64' cwd='/'>
    <stasis:arg>/usr/bin/qemu-system-x86_64</stasis:arg><stasis:arg>-chardev</stasis:arg><stasis:arg>file,id=a,path=${dir.join('new')}</stasis:arg>
  </stasis:origin>
</cookie>
`
  const xml = smallXml({ name: 'web' })
  await writeRawImage(image, { xml, cookie })
  const stateDir = dir.join('state')
  const refused = { code: 'IMAGE_UNTRUSTED', message: /command line .*new[^]*--trust/ }
  await assert.rejects(restoreDomain(image, { stateDir }), refused)
  await assert.rejects(restoreDomain(image, { stateDir, allow: ['path:*'] }), refused)
  await assert.rejects(restoreDomain(image, { stateDir, xml }), refused)
  assert.equal(await isThere(dir.join('new')), false)
})

test('a failed restore leaves no variable store', async (t) => {
  const code = '/usr/share/OVMF/OVMF_CODE_4M.fd'
  const template = '/usr/share/OVMF/OVMF_VARS_4M.fd'
  if (!(await isThere(code)) || !(await isThere(template))) return t.skip('OVMF is not installed')
  await using dir = await tempDir()
  const image = dir.join('image')
  const store = dir.join('store.fd')
  const os = `<loader readonly='yes' type='pflash'>${code}</loader><nvram template='${template}'>${store}</nvram>`
  const xml = smallXml({ name: 'web' }).replace('</os>', `${os}</os>`).replace('pc-q35-10.0', 'q35')
  await writeRawImage(image, { xml })
  const stateDir = dir.join('state')
  const allow = [`path:${store}`] as const
  await assert.rejects(restoreDomain(image, { stateDir, allow }), (error: unknown) => {
    assert.ok(!StasisError.is(error, 'IMAGE_UNTRUSTED'), String(error))
    return true
  })
  assert.equal(await isThere(store), false)
  await assert.rejects(stat(store))
})
