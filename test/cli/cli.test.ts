import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { exitCodeTable } from '../../src/cli/reports/exit-code.ts'
import { VERBS } from '../../src/cli/verbs.ts'
import { domainXml } from '../support/domain-xml.ts'
import { qemus } from '../support/qemus.ts'
import { type CommandResult, stasis } from '../support/stasis-command.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

const root = join(import.meta.dirname, '../..')

/** A failure as a user must see it: one clear error, nothing on standard output, no stack. */
function assertFails(result: CommandResult, exitCode: number, message: RegExp): void {
  assert.match(result.stderr, message)
  assert.match(result.stderr, /^error: \S/)
  assert.doesNotMatch(result.stderr, /^\s+at .*:\d+:\d+/m)
  assert.equal(result.stdout, '')
  assert.equal(result.exitCode, exitCode, result.stderr)
}

/** Asserts that the command made neither state nor files. The journal has what failed. */
async function assertUntouched(dir: TempDir, files: readonly string[] = []): Promise<void> {
  const found = await readdir(dir.path, { recursive: true })
  assert.deepEqual(
    found.filter(
      (name) =>
        !files.includes(name) &&
        !/^state(\/(cache|run|journal)(\/(probe.*|journal\.jsonl))?)?$/.test(name),
    ),
    [],
  )
}

describe('a wrong command line', { concurrency: 2 }, () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['', /No verb was given\nhint: `stasis --help`/],
    ['sav', /Unknown command 'sav'\nhint: Did you mean save\?/],
    ['frobnicate', /Unknown command 'frobnicate'/],
    ['list --al', /Unknown option '--al'\nhint: Did you mean --all\?/],
    ['start', /Missing required argument 'domain'\nhint: `stasis start --help`/],
    ['save web', /Missing required argument 'file'/],
    ['list web', /Too many arguments/],
    [
      'save web f --parallel-connections 0',
      /'0' is invalid. It must be a whole number from 1 to 64/,
    ],
    ['save web f --parallel-connections 65', /'65' is invalid/],
    ['save web f --parallel-connections two', /'two' is invalid/],
    ['save web f --parallel-connections 1e1', /'1e1' is invalid/],
    ['save web f --parallel-connections', /argument missing/],
    ['save web f --parallel-compression lz4', /Allowed choices are none, zlib, zstd/],
    ['save web f --format qcow2', /Allowed choices are stasis, raw/],
    ['save web f --compression-level 20', /zstd must be between -7 and 19, got 20/],
    ['save web f --compression-level fast', /a whole number, or 'adaptive'/],
    ['save web f --running --paused', /cannot be used with/],
    [
      'save web f --format raw --parallel',
      /The format raw is a single stream: it does not support parallel channels/,
    ],
    ['save web f --format raw --parallel-connections 2', /does not support parallel channels/],
    ['save web f --format raw --parallel-compression zstd', /does not support compression/],
    ['save web f --parallel-compression none --compression-level 3', /level needs a compression/],
    [
      'save web f --parallel-compression zlib --compression-level 12',
      /must be between 1 and 9, got 12/,
    ],
    ['restore f --connections -1', /'-1' is invalid/],
  ]
  for (const [line, message] of wrong) {
    test(`stasis ${line} ends with 2`, async () => {
      await using dir = await tempDir()
      assertFails(await stasis(dir.join('state'), ...line.split(' ').filter(Boolean)), 2, message)
      await assertUntouched(dir)
    })
  }
})

describe('a domain that does not exist', { concurrency: 2 }, () => {
  const lines = [
    ...['start', 'destroy', 'undefine', 'suspend', 'resume', 'console'],
    ...['dominfo', 'domstate', 'dumpxml'],
  ]
  for (const verb of lines) {
    test(`stasis ${verb} ends with 3`, async () => {
      await using dir = await tempDir()
      const result = await stasis(dir.join('state'), verb, 'nobody')
      assertFails(result, 3, /There is no domain 'nobody'\nhint: `stasis list --all`/)
      await assertUntouched(dir)
    })
  }
  test('stasis save leaves no file', async () => {
    await using dir = await tempDir()
    const result = await stasis(dir.join('state'), 'save', 'nobody', dir.join('image'))
    assertFails(result, 3, /There is no domain 'nobody'/)
    await assertUntouched(dir)
  })
})

describe('bad files', { concurrency: 2 }, () => {
  const bad: readonly (readonly [string, string, number, RegExp])[] = [
    ['define', '', 4, /The domain XML is malformed/],
    ['define', '<domain', 4, /The domain XML is malformed at line 1/],
    ['define', '<network/>', 4, /the root element is <network>, not <domain>/],
    ['define', "<domain type='qemu'><name>x</name></domain>", 4, /<memory> is missing/],
    ['define', xmlNamed('a/b'), 4, /a name must not contain a slash/],
    ['define', xmlNamed('..'), 2, /"\.\." is not a valid domain name/],
    [
      'define',
      xmlNamed('x'.repeat(243)),
      2,
      /is not a valid domain name: it is longer than 242 bytes/,
    ],
    ['define', xmlNamed('odd', '<gadget type="x"/>'), 4, /gadget.*\nhint: .*--ignore-unsupported/s],
    ['restore', 'what is this', 5, /is not a save image/],
    ['restore', 'LibvirtQemudSave', 5, /16 of the 92 bytes of a header/],
    ['restore', `LibvirtQemudPart${'\0'.repeat(80)}`, 5, /damaged header|incomplete/],
    ['save-image-dumpxml', '', 5, /is not a save image/],
  ]
  for (const [verb, content, exitCode, message] of bad) {
    test(`stasis ${verb} of ${JSON.stringify(content.slice(0, 40))} ends with ${exitCode}`, async () => {
      await using dir = await tempDir()
      await writeFile(dir.join('file'), content)
      assertFails(await stasis(dir.join('state'), verb, dir.join('file')), exitCode, message)
      await assertUntouched(dir, ['file'])
    })
  }
  for (const verb of ['define', 'restore', 'save-image-dumpxml']) {
    test(`stasis ${verb} of a file that does not exist ends with 7`, async () => {
      await using dir = await tempDir()
      const result = await stasis(dir.join('state'), verb, dir.join('nothing'))
      assertFails(result, 7, /nothing does not exist/)
      await assertUntouched(dir)
    })
  }
  test('stasis restore of a directory ends with 5', async () => {
    await using dir = await tempDir()
    assertFails(await stasis(dir.join('state'), 'restore', dir.path), 5, /is not a regular file/)
  })
})

test('define --ignore-unsupported leaves out only the host side of devices, and names it', async () => {
  await using dir = await tempDir()
  const define = (devices: string, ...more: readonly string[]): Promise<CommandResult> =>
    writeFile(dir.join('x.xml'), xmlNamed('odd', devices)).then(() =>
      stasis(dir.join('state'), 'define', dir.join('x.xml'), ...more),
    )
  const card = '<interface type="martian"><model type="virtio"/></interface>'
  const result = await define(card, '--ignore-unsupported')
  assert.equal(result.exitCode, 0, result.stderr)
  assert.equal(result.stdout, `Domain 'odd' defined from ${dir.join('x.xml')}\n`)
  assert.match(
    result.stderr,
    /warning: ignored: .*"martian".* keeps the device, connected to nothing/,
  )
  const shown = await stasis(dir.join('state'), 'dumpxml', 'odd')
  assert.match(shown.stdout, /<interface type='martian'>/)

  const gadget = '<gadget type="x"/>'
  assertFails(await define(gadget, '--ignore-unsupported'), 4, /gadget.*is not known/)
  const both = await define(card + gadget)
  assertFails(
    both,
    4,
    /^error: 2 parts of the domain XML are not supported\n {2}\/domain\/.*martian.*\n {2}\/domain\/.*gadget/,
  )
  const { stderr } = await define(card + gadget, '--json')
  const { problems } = JSON.parse(stderr) as {
    readonly problems: readonly { readonly hostSideOnly: boolean }[]
  }
  assert.deepEqual(
    problems.map(({ hostSideOnly }) => hostSideOnly),
    [true, false],
  )
})

test('--json reports a failure as an error object on standard error', async () => {
  await using dir = await tempDir()
  const result = await stasis(dir.join('state'), 'start', 'nobody', '--json')
  assert.equal(result.exitCode, 3)
  const error = JSON.parse(result.stderr) as Record<string, unknown>
  assert.equal(error['type'], 'error')
  assert.equal(error['code'], 'DOMAIN_NOT_FOUND')
  assert.equal(error['exitCode'], 3)
})

test('a reader that stops early is not an error', () => {
  const { stdout, stderr } = spawnSync('sh', ['-c', 'bin/stasis --help | head -n 1'], { cwd: root })
  assert.match(stdout.toString(), /^Usage: stasis/)
  assert.equal(stderr.toString(), '')
})

describe('help', { concurrency: 2 }, () => {
  test('stasis --help lists verbs and exit codes', async () => {
    const { stdout, exitCode } = await stasis('/nonexistent', '--help')
    assert.equal(exitCode, 0)
    for (const { name } of VERBS) assert.match(stdout, new RegExp(`^  ${name} `, 'm'))
    assert.ok(stdout.includes(exitCodeTable(80)))
  })
  test('stasis save --help shows its example', async () => {
    const { stdout, exitCode } = await stasis('/nonexistent', 'save', '--help')
    assert.equal(exitCode, 0)
    assert.match(stdout, /\nExample:\n  stasis save web /)
  })
  test('every verb has an example', async () => {
    for (const { name, load } of VERBS)
      assert.match((await load()).example, new RegExp(`stasis ${name}\\b`), name)
  })
})

test('docs/cli.md has every exit code and verb', async () => {
  const page = await readFile(join(root, 'docs/cli.md'), 'utf8')
  for (const line of exitCodeTable().split('\n')) {
    const [, code = '', meaning = ''] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? []
    assert.ok(page.includes(`| ${code} | ${meaning} |`), `exit code ${code} in docs/cli.md`)
  }
  for (const { name } of VERBS)
    assert.match(page, new RegExp(`^### (.*, )?${name}\\b`, 'm'), `${name} in docs/cli.md`)
})

test('docs/cli-json.md has every error code', async () => {
  const source = await readFile(join(root, 'src/errors.ts'), 'utf8')
  const types = [...source.matchAll(/^export type \w+Code =([^]*?)\n\n/gm)].map(([text]) => text)
  const codes = types.flatMap((text) => [...text.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code))
  assert.ok(codes.length > 30, codes.join())
  const page = await readFile(join(root, 'docs/cli-json.md'), 'utf8')
  for (const code of codes) assert.ok(page.includes(`\`${code}\``), code)
})

function xmlNamed(name: string, extraDevice = ''): string {
  const emulator = qemus()[0]?.emulator ?? ''
  const xml = domainXml({ name, guest: 'tiny', emulator, serial: { type: 'pty' } })
  return xml.replace('  </devices>', `${extraDevice}\n  </devices>`)
}
