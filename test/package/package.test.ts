import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { CounterLog } from '../support/counter-log.ts'
import { codeBlocks } from '../support/document.ts'
import { domainXml } from '../support/domain-xml.ts'
import { isLongRun, newestQemu } from '../support/qemus.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
  readonly version: string
  readonly devDependencies: Readonly<Record<string, string>>
  readonly engines: { readonly node: string }
}

const quick = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']

let packed: TempDir
before(async () => {
  packed = await tempDir()
  await run('npm', ['pack', '--silent', '--pack-destination', packed.path], { cwd: root })
})
after(() => packed[Symbol.asyncDispose]())

function tarball(): string {
  return packed.join(`stasis-${manifest.version}.tgz`)
}

describe('the packed package in an empty project', () => {
  let project: TempDir

  before(async () => {
    project = await tempDir()
    await writeFile(project.join('package.json'), '{ "private": true, "type": "module" }')
    await install(tarball())
  })
  after(() => project[Symbol.asyncDispose]())

  async function install(...packages: readonly string[]): Promise<void> {
    await run('npm', ['install', ...quick, ...packages], { cwd: project.path })
  }

  test('brings no second Node, no source maps and no tests', async () => {
    assert.ok(!existsSync(project.join('node_modules/.bin/node')))
    const { stdout } = await run('find', [project.join('node_modules/stasis'), '-type', 'f'])
    assert.doesNotMatch(stdout, /\.test\.|\.map$/m)
    const { stdout: size } = await run('du', ['-sm', project.join('node_modules')])
    assert.ok(Number.parseInt(size, 10) < 30, size)
  })

  test('runs a program that uses every entry, and the command', async () => {
    await copyFile(join(import.meta.dirname, 'program.js'), project.join('program.js'))
    const image = join(root, 'test/fixtures/lv9.0-q35-raw.sav')
    const args = ['program.js', image, project.join('state')]
    const { stdout } = await run(process.execPath, args, { cwd: project.path })
    assert.equal(stdout, `${manifest.version}\n`)
    const command = project.join('node_modules/.bin/stasis')
    const env = { ...process.env, STASIS_CACHE_DIR: project.join('cache') }
    const list = await run(command, ['--state-dir', project.join('state'), 'list', '--all'], {
      env,
    })
    assert.match(list.stdout, /Id +Name +State/)
  })

  test('saves a guest and restores it lazily, with its own threads and page server', async () => {
    await using tiny = await startTinyDomain()
    await tiny.log.advance(2)
    await copyFile(join(import.meta.dirname, 'park.js'), project.join('park.js'))
    const args = ['park.js', tiny.stateDir, tiny.dir.join('image')]
    const { stdout } = await run(process.execPath, args, { cwd: project.path })
    assert.match(stdout, /state: 'running', reason: 'restored'/)
    await tiny.log.advance(2)
    await tiny.log.assertUnbroken()
  })

  test('refuses a Node that is too old with one sentence, from every entry', async () => {
    const older = project.join('older.cjs')
    await writeFile(older, `Object.defineProperty(process.versions, 'node', { value: '22.21.0' })`)
    const nodes: (readonly string[])[] = [[process.execPath, '--require', older]]
    // Whatever old Node is here, as Debian's: names that it does not have must not come first.
    for (const directory of (process.env['PATH'] ?? '').split(':')) {
      const node = join(directory, 'node')
      const { stdout } = await run(node, ['--version']).catch(() => ({ stdout: '' }))
      if (/^v(18|20|22)\./.test(stdout)) nodes.push([node])
    }
    for (const [node = '', ...options] of nodes) {
      for (const entry of ['stasis', 'stasis/image', 'stasis/qmp']) {
        const code = `import('${entry}').then(console.log, ({ message }) => console.log(message))`
        const { stdout } = await run(node, [...options, '-e', code], { cwd: project.path })
        assert.match(stdout, /^Stasis needs Node\.js 24 or newer, but \S+ is v\S+\n$/, node)
      }
    }
    const text = await readFile(join(root, 'src/api/node-version.ts'), 'utf8')
    assert.equal(manifest.engines.node, `>=${/OLDEST_NODE = (\d+)/.exec(text)?.[1]}`)
  })

  test('compiles in a strict program and in the samples of the documents, by nodenext and bundler, whether libraries are checked or not', async () => {
    await install(`@types/node@${manifest.devDependencies['@types/node']}`)
    await copyFile(join(import.meta.dirname, 'strict-program.ts'), project.join('program.ts'))
    const files = ['program.ts']
    for (const document of ['README.md', 'docs/ci-and-sandboxes.md'])
      for (const { language, code } of await codeBlocks(document)) {
        if (language !== 'ts') continue
        files.push(`sample-${files.length}.ts`)
        await writeFile(project.join(files.at(-1) ?? ''), code)
      }
    assert.ok(files.length >= 5)
    const tsc = join(root, 'node_modules/.bin/tsc')
    // Usually libraries are checked with one resolution, in the long run with both.
    for (const [module, moduleResolution, ...skips] of [
      ['nodenext', 'nodenext', false, ...(isLongRun() ? [true] : [])],
      ['esnext', 'bundler', true, ...(isLongRun() ? [false] : [])],
    ] as const) {
      for (const skipLibCheck of skips) {
        const compilerOptions = {
          ...{ module, moduleResolution, skipLibCheck, strict: true, noEmit: true },
          ...{ target: 'es2024', lib: ['es2024', 'esnext.disposable'], types: ['node'] },
        }
        const config = { compilerOptions, files }
        await writeFile(project.join('tsconfig.json'), JSON.stringify(config))
        await run(tsc, ['--project', project.path]).catch((error: { stdout?: string }) =>
          assert.fail(`${moduleResolution}, skipLibCheck ${skipLibCheck}:\n${error.stdout}`),
        )
      }
    }
  })
})

describe('the packed package, installed globally', () => {
  let prefix: TempDir

  before(async () => {
    prefix = await tempDir()
    await run('npm', ['install', '--global', '--prefix', prefix.path, ...quick, tarball()])
  })
  after(() => prefix[Symbol.asyncDispose]())

  test('brings the man page, completion and systemd units with the right paths', async () => {
    assert.match(await readFile(prefix.join('share/man/man1/stasis.1'), 'utf8'), /^\.TH STASIS 1/m)
    const units = prefix.join('lib/node_modules/stasis/systemd')
    assert.ok(existsSync(join(units, 'stasis-host.service')))
    assert.ok(existsSync(join(units, 'stasis-autostart.service')))
    const command = prefix.join('bin/stasis')
    const shown = await run(command, ['systemd-units'])
    assert.ok(shown.stdout.includes(`\nExecStart=-${process.execPath} ${command} host-resume\n`))
    const { stdout } = await run(command, ['completion', 'bash'])
    assert.match(stdout, /^complete -F _stasis stasis$/m)
  })

  for (const { label, emulator } of newestQemu()) {
    test(`saves and restores a guest of QEMU ${label}, with its threads and its page server`, async () => {
      await using dir = await tempDir()
      const [xml, image] = [dir.join('tiny.xml'), dir.join('tiny.sav')]
      const serial = { type: 'file', path: dir.join('serial') } as const
      await writeFile(xml, domainXml({ name: 'tiny', guest: 'tiny', emulator, serial }))
      const counted = new CounterLog(serial.path)
      const stasis = async (...args: readonly string[]): Promise<string> => {
        const env = {
          ...process.env,
          STASIS_STATE_DIR: dir.join('state'),
          STASIS_CACHE_DIR: dir.join('cache'),
        }
        return (await run(prefix.join('bin/stasis'), args, { env })).stdout
      }
      await stasis('define', xml)
      await stasis('start', 'tiny')
      try {
        await counted.advance(3)
        // Compressed, so that threads do it both ways; map takes an uncompressed one.
        for (const [compression, mode] of [
          ['zstd', 'load'],
          ['zstd', 'lazy'],
          ['none', 'map'],
        ] as const) {
          await stasis('save', 'tiny', image, '--parallel-compression', compression)
          assert.match(await stasis('list', '--all'), /^ -\s+tiny\s+shut off$/m)
          await stasis('restore', image, '--mode', mode, '--wait', 'memory')
          assert.match(await stasis('list'), /^ \d+\s+tiny\s+running$/m)
          await counted.advance(3)
        }
      } finally {
        await stasis('destroy', 'tiny')
      }
      await counted.assertUnbroken()
    })
  }
})
