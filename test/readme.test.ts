import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFile, glob, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  defineDomain,
  destroyDomain,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../src/index.ts'
import { CounterLog } from './support/counter-log.ts'
import { domainXml } from './support/domain-xml.ts'
import { guestPaths } from './support/guests.ts'
import { qemus } from './support/qemus.ts'
import { tempDir } from './support/temp-dir.ts'

const root = join(import.meta.dirname, '..')

// Examples are put inside the package (`.examples-…`), where its own name leads to its sources.

test('the example of the README saves and restores a running domain', async () => {
  await using dir = await tempDir()
  const stateDir = dir.join('state')
  const serial = { type: 'file', path: dir.join('serial') } as const
  const emulator = qemus()[0]?.emulator ?? ''
  await defineDomain(domainXml({ name: 'web', guest: 'tiny', emulator, serial }), { stateDir })
  await startDomain('web', { stateDir })
  const inside = await mkdtemp(join(root, '.examples-'))
  try {
    const log = new CounterLog(serial.path)
    await log.advance(2)
    const script = join(inside, 'example.ts')
    await writeFile(script, (await example()).replace('/backup/web.save', dir.join('web.save')))
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', '--conditions=stasis-source', script],
      { env: { ...process.env, STASIS_STATE_DIR: stateDir }, encoding: 'utf8', timeout: 60_000 },
    )
    assert.equal(status, 0, stderr)
    assert.match(stdout, /^(\d+ %\n)*saved, the guest was stopped for \d+ ms\n/)
    assert.match(stdout, /web is running as process \d+\n$/)
    await log.advance(2)
    await log.assertUnbroken()
  } finally {
    await destroyDomain('web', { stateDir }).catch(() => undefined)
    await rm(inside, { recursive: true })
  }
})

test('the domain XML of the README starts, is saved and restored', async () => {
  await using dir = await tempDir()
  const options = { stateDir: dir.join('state') }
  const emulator = qemus()[0]?.emulator ?? ''
  await copyFile(guestPaths().tinyDisk, dir.join('disk'))
  const [, sample = ''] = /^ *```xml\n(.*?)^ *```$/ms.exec(await readme()) ?? []
  const xml = sample
    .replace("type='kvm'", "type='qemu'")
    .replace("type='qcow2'", "type='raw'")
    .replace('/srv/vm/web.qcow2', dir.join('disk'))
    .replace('<devices>', `<devices><emulator>${emulator}</emulator>`)
  assert.match(xml, /type='qemu'.*type='raw'/s)
  await defineDomain(xml, options)
  try {
    await startDomain('web', options)
    await saveDomain('web', dir.join('web.save'), options)
    const { state } = await restoreDomain(dir.join('web.save'), options)
    assert.equal(state, 'running')
  } finally {
    await destroyDomain('web', options).catch(() => undefined)
  }
})

test('every TypeScript example in README and docs compiles under strict', async () => {
  const inside = await mkdtemp(join(root, '.examples-'))
  try {
    const sources = ['README.md']
    for await (const path of glob('docs/**/*.md', { cwd: root }))
      // Those of the reference are checked in test/api/reference.test.ts.
      if (!path.startsWith('docs/api/')) sources.push(path)
    const files: string[] = []
    for (const source of sources) {
      const text = await readFile(join(root, source), 'utf8')
      for (const [, code = ''] of text.matchAll(/^```ts\n(.*?)^```$/gms)) {
        files.push(`${source.replaceAll(/\W/g, '-')}-${files.length}.ts`)
        await writeFile(join(inside, files.at(-1) ?? ''), code)
      }
    }
    assert.ok(files.length > 0)
    await writeFile(
      join(inside, 'tsconfig.json'),
      JSON.stringify({
        extends: '../tsconfig.json',
        compilerOptions: { isolatedDeclarations: false, declaration: false },
        files,
      }),
    )
    const tsc = join(root, 'node_modules/.bin/tsc')
    const { status, stdout } = spawnSync(tsc, ['--project', inside], { encoding: 'utf8' })
    assert.equal(status, 0, stdout)
  } finally {
    await rm(inside, { recursive: true })
  }
})

async function example(): Promise<string> {
  const [, code] = /^```ts\n(.*?)^```$/ms.exec(await readme()) ?? []
  assert.ok(code?.includes('/backup/web.save'), 'README.md has an example')
  return code ?? ''
}

function readme(): Promise<string> {
  return readFile(join(root, 'README.md'), 'utf8')
}
