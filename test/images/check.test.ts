import assert from 'node:assert/strict'
import { copyFile, readFile, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { after, before, describe, test } from 'node:test'
import { type ImageCheck, checkImage, restoreDomain, saveDomain } from '../../src/index.ts'
import { convertImage } from '../../src/domain/images/convert-image.ts'
import { inspectImage } from '../../src/domain/images/image-info.ts'
import { readDescription } from '../../src/image/open-image.ts'
import { aarch64Qemus, startTinyAarch64 } from '../support/aarch64.ts'
import { FIXTURES, fixtureXml, placeFixture, qemusFor } from '../support/fixtures.ts'
import { stasis } from '../support/stasis-command.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

let dir: TempDir
let stateDir: string
let image: string

before(async () => {
  dir = await tempDir()
  stateDir = dir.join('state')
  image = dir.join('image')
  await using domain = await startTinyDomain()
  await saveDomain(domain.name, image, { stateDir: domain.stateDir, format: 'raw' })
  // The directory of its serial port is removed with the domain.
  await changeXml(domain.dir.path, dir.path)
})
after(() => dir[Symbol.asyncDispose]())

/** Changes text of the same length in the XML of the image, or of a copy of it. */
async function changeXml(from: string, to: string, copy?: string): Promise<string> {
  assert.equal(to.length, from.length)
  const path = copy === undefined ? image : dir.join(copy)
  if (path !== image) await copyFile(image, path)
  const bytes = await readFile(path)
  const end = bytes.indexOf('</domain>')
  for (let at = bytes.indexOf(from); at >= 0 && at < end; at = bytes.indexOf(from, at + 1))
    bytes.write(to, at)
  await writeFile(path, bytes)
  return path
}

function errorsOf({ findings }: ImageCheck): readonly string[] {
  return findings
    .filter(({ severity }) => severity === 'error')
    .map(({ code, text }) => `${code}: ${text}`)
}

describe('checkImage()', () => {
  test('finds no error in an image of this host, and leaves nothing', async () => {
    const before = await readFile(image)
    const check = await checkImage(image, { stateDir })
    assert.deepEqual(errorsOf(check), [])
    assert.equal(check.loadable, true)
    assert.deepEqual(
      check.findings.map(({ code }) => code),
      ['EMULATOR', 'MACHINE_TYPE', 'MEMORY', 'FILES', 'CPU', 'RAM_BLOCKS', 'DEVICES'],
    )
    assert.ok(before.equals(await readFile(image)))
    const left = (await readdir(tmpdir())).filter((name) => name.startsWith('stasis-trial-'))
    assert.deepEqual(left, [])
  })

  test('reports its progress with an image that it reads to the end', async () => {
    const percents: number[] = []
    await checkImage(image, { stateDir, onProgress: ({ percent }) => percents.push(percent) })
    assert.ok((percents.at(-1) ?? 0) > 99, percents.join())
  })

  test('names a foreign architecture', async () => {
    const path = await changeXml("arch='x86_64'", "arch='s390x' ", 'foreign')
    const check = await checkImage(path, { stateDir })
    assert.match(errorsOf(check).join(), /^ARCHITECTURE: .*s390x/)
  })

  test('names the emulator that another architecture needs; the image can be read and converted', async () => {
    const machine = /arch='x86_64' machine='pc-q35-([\d.]+)'/.exec(await xmlOf())
    const [pc = '', version = ''] = machine ?? []
    const virt = `arch='aarch64' machine='virt-${version}'`
    const path = await changeXml(pc, virt.padEnd(pc.length), 'arm')
    const bytes = (await readFile(path)).toString('latin1')
    const gone = '/usr/bin/qemu-system-aarch64'
    const [own = '', emulator = ''] = /<emulator>(.*?)<\/emulator>\n {4}/.exec(bytes) ?? []
    const other = own.replace(emulator, gone).trim().padEnd(own.length)
    await writeFile(path, Buffer.from(bytes.replace(own, other), 'latin1'))
    const check = await checkImage(path, { stateDir })
    const text = `There is no QEMU for aarch64 guests at ${gone}`
    assert.ok(errorsOf(check).includes(`EMULATOR: ${text}`), errorsOf(check).join())
    const fault = { code: 'QEMU_NOT_FOUND', message: text, hint: /qemu-system-arm/ }
    await assert.rejects(restoreDomain(path, { stateDir }), fault)
    const there = dir.join('arm.stasis')
    await convertImage(path, there, { stateDir, format: 'stasis' })
    const { domain, verified } = await inspectImage(there, { verify: true })
    assert.deepEqual([domain?.arch, verified], ['aarch64', true])
  })

  test('names a machine type that QEMU lacks, and the newest that it has', async () => {
    const machine = /machine='([^']+)'/.exec(await xmlOf())?.[1] ?? ''
    const other = machine.replace(/\d\.\d$/, '9.9')
    const check = await checkImage(await changeXml(machine, other, 'machine'), { stateDir })
    assert.match(errorsOf(check).join(), new RegExp(`^MACHINE_TYPE: .*${other}; .*${machine}$`))
  })

  test('names a QEMU, a disk and a directory that are missing', async () => {
    const path = await changeXml('/tiny.img', '/gone.img', 'disk')
    assert.match(
      errorsOf(await checkImage(path, { stateDir })).join(),
      /^FILES: The disk vda is missing: .*gone\.img$/,
    )
    const bare = await changeXml('/qemu-system-x86_64', '/qemu-system-gone64', 'emulator')
    assert.match(
      errorsOf(await checkImage(bare, { stateDir })).join(),
      /^EMULATOR: There is no QEMU at .*gone64$/,
    )
  })

  test('names memory and devices that do not fit the XML', async () => {
    const memory = await changeXml('>16384<', '>32768<', 'memory')
    assert.match(
      errorsOf(await checkImage(memory, { stateDir })).join(),
      /^RAM_BLOCKS: The memory block pc.ram has 16777216 bytes in the image and 33554432 here$/,
    )
    const moved = await changeXml("bus='0x04'", "bus='0x05'", 'moved')
    assert.match(
      errorsOf(await checkImage(moved, { stateDir })).join(),
      /^DEVICES: The image has the state of the device "\S+virtio-rng", which the machine of this XML lacks$/,
    )
  })

  test('names missing features of the processor', async () => {
    const feature = "<feature policy='require' name='avx512f'/></cpu>"
    const text = (await xmlOf()).replace('</cpu>', feature)
    const errors = errorsOf(await checkImage(image, { stateDir, xml: { text } }))
    assert.match(errors.join(), /^CPU: .*: avx512f$/)
  })

  test('uses the XML given beside the image', async () => {
    const path = await changeXml('/tiny.img', '/gone.img', 'given')
    assert.equal(
      (await checkImage(path, { stateDir, xml: { text: await xmlOf() } })).loadable,
      true,
    )
  })
})

async function xmlOf(): Promise<string> {
  return (await readDescription(image)).xml
}

for (const qemu of aarch64Qemus()) {
  test(
    `checkImage() finds no error in an image of an aarch64 guest on QEMU ${qemu.label}`,
    { skip: qemu.missing },
    async () => {
      await using domain = await startTinyAarch64(qemu)
      const path = domain.dir.join('image')
      await saveDomain(domain.name, path, { stateDir: domain.stateDir })
      const check = await checkImage(path, { stateDir: domain.stateDir })
      assert.deepEqual(errorsOf(check), [])
    },
  )
}

describe('image-check and restore --check', () => {
  test('print the findings, with exit code 0 when none is an error', async () => {
    for (const verb of [['image-check'], ['restore', '--check']]) {
      const { exitCode, stdout, stderr } = await stasis(stateDir, ...verb, image)
      assert.equal(exitCode, 0, stderr)
      assert.match(stdout, /^ok +QEMU .*\n(.*\n)*.* can be restored here\n$/)
    }
  })

  test('end with exit code 5, also with --json, when a finding is an error', async () => {
    const path = await changeXml("arch='x86_64'", "arch='s390x' ", 'foreign')
    const { exitCode, stdout, stderr } = await stasis(stateDir, 'image-check', path, '--json')
    assert.equal(exitCode, 5)
    const answer = JSON.parse(stdout) as ImageCheck
    assert.equal(answer.loadable, false)
    assert.equal(answer.findings[0]?.code, 'ARCHITECTURE')
    assert.match(stderr, /"IMAGE_INCOMPATIBLE".*s390x/)
  })
})

test('images that real libvirt wrote fit', { timeout: 120_000 }, async () => {
  for (const fixture of FIXTURES) {
    const emulator = qemusFor(fixture)[0]?.emulator ?? ''
    const text = fixtureXml(fixture, dir, emulator, dir.join('serial'))
    const check = await checkImage(placeFixture(fixture, dir), { stateDir, xml: { text } })
    assert.deepEqual(errorsOf(check), [], fixture.name)
  }
})
