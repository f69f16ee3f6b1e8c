import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { domainXml } from '../support/domain-xml.ts'
import { interopBeds } from '../support/interop-beds.ts'
import { type LibvirtBed, bedObstacle, holdLibvirt } from '../support/libvirt-bed.ts'
import { stasis } from '../support/stasis-command.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'
import { LINES, type Line } from './virsh-lines.ts'

const skip = bedObstacle() ?? false
const script = join(import.meta.dirname, '../../scripts/libvirt-bed')
const command = join(import.meta.dirname, '../../bin/stasis')

interface Other {
  readonly name: string
  readonly uuid: string
}

interface Outcome {
  readonly stdout: string
  /** The exit codes of Stasis tell kinds of failures apart; virsh's is always 1. */
  readonly succeeds: boolean
  readonly complains: boolean
}

for (const { version, emulator } of interopBeds()) {
  test(
    `the same lines on virsh ${version} and on Stasis`,
    { skip, timeout: 1_500_000 },
    async (t) => {
      await using bed = await holdLibvirt(version)
      await using dir = await tempDir()
      // A reset does not end it.
      const xml = domainXml({
        name: 'tiny',
        guest: 'tiny',
        emulator,
        serial: { type: 'pty' },
      }).replace('<on_reboot>destroy<', '<on_reboot>restart<')
      const uuid = /<uuid>(.*)<\/uuid>/.exec(xml)?.[1] ?? ''
      const files = await makeFiles(dir, version === '9.0' ? forOldLibvirt(xml) : xml)
      const meanings: Readonly<Record<string, string>> = { ...files, UUID: uuid }
      const others = await domainsOf(bed)
      const wrong: unknown[] = []
      try {
        const compare = async (line: Line): Promise<void> => {
          const { words, input } = line
          const isApart = differsThere(line, version)
          const argv = words.map((word) => meanings[word] ?? word)
          const image = (word: string, whose: string): string =>
            /^(?:IMAGE|NEWER|JUNK)$/.test(word) ? dir.join(`${word}-${whose}`) : word
          const argvOf = (whose: string): readonly string[] =>
            argv.map((word) => image(word, whose))
          const env = { STASIS_STATE_DIR: dir.join('state') }
          const [theirs, ours] = await Promise.all([
            run(['sh', script, version, 'virsh', ...argvOf('theirs')], { input, others }),
            run([command, ...argvOf('ours')], { input, others, env }),
          ])
          const shown = ({ stdout, ...rest }: Outcome): object =>
            line.ownText === true ? rest : { stdout, ...rest }
          const equal = isDeepStrictEqual(shown(theirs), shown(ours))
          const shownLine = input === undefined ? words.join(' ') : JSON.stringify(input)
          if (equal === isApart)
            wrong.push({ number: LINES.indexOf(line), line: shownLine, theirs, ours })
        }
        for (const lines of sideBySide(LINES)) await Promise.all(lines.map(compare))
      } finally {
        await bed.virsh('destroy', 'tiny').catch(() => undefined)
        await bed.virsh('undefine', 'tiny', '--managed-save').catch(() => undefined)
        await stasis(dir.join('state'), 'destroy', 'tiny')
      }
      const apart = LINES.filter((line) => differsThere(line, version)).length
      t.diagnostic(
        `${LINES.length} lines: ${LINES.length - apart} equal, ${apart} different on purpose, ${wrong.length} otherwise`,
      )
      assert.deepEqual(wrong, [])
    },
  )
}

const LOOKS = /^(?:list|event|echo|help|dom(?:state|id|uuid|name|info|blklist|iflist|stats))$/
const MOST_AT_A_TIME = 4

/** The lines in order. Those that change nothing are run a few at a time. */
function sideBySide(lines: readonly Line[]): readonly (readonly Line[])[] {
  const groups: Line[][] = []
  let open = false
  for (const line of lines) {
    const [verb = '', whom] = line.words
    const looks = LOOKS.test(verb) || whom === 'nobody'
    const group = groups.at(-1)
    if (open && looks && group !== undefined && group.length < MOST_AT_A_TIME) group.push(line)
    else groups.push([line])
    open = looks
  }
  return groups
}

function differsThere({ differs, differsOn = '' }: Line, version: string): boolean {
  return differs !== undefined && (differsOn === '' || differsOn === version)
}

/** libvirt 9.0 does not have the name of q35's own watchdog. */
function forOldLibvirt(xml: string): string {
  return xml.replace(/ *<watchdog model='itco'.*\n/, '')
}

async function makeFiles(dir: TempDir, xml: string): Promise<Readonly<Record<string, string>>> {
  const contents = {
    XML: xml,
    OTHER: xml.replace(/<uuid>.*<\/uuid>/, '<uuid>7ceccd75-b34d-492e-a098-d2f59510e1f5</uuid>'),
    BROKEN: xml.slice(0, 300),
    NONSENSE: 'This is not what it should be.\n',
    EMPTY: '',
  }
  for (const [name, content] of Object.entries(contents)) await writeFile(dir.join(name), content)
  for (const whose of ['ours', 'theirs']) await writeFile(dir.join(`JUNK-${whose}`), 'Junk.\n')
  await mkdir(dir.join('DIR'))
  return Object.fromEntries([...Object.keys(contents), 'DIR'].map((name) => [name, dir.join(name)]))
}

/** Domains that another test has left in the bed. They are left alone, and out of the comparison. */
async function domainsOf(bed: LibvirtBed): Promise<readonly Other[]> {
  const listed = await bed.virsh('list', '--all', '--uuid', '--name')
  return listed
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [uuid = '', name = ''] = line.split(' ')
      return { uuid, name }
    })
}

async function run(
  [program = '', ...args]: readonly string[],
  options: {
    readonly input: string | undefined
    readonly others: readonly Other[]
    readonly env?: Readonly<Record<string, string>>
  },
): Promise<Outcome> {
  const child = spawn(program, args, { env: { ...process.env, ...options.env } })
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return {
    stdout: comparable(
      options.input === undefined ? stdout : withoutPrompt(stdout),
      options.others,
    ),
    succeeds: code === 0,
    complains: /^error: /m.test(stderr),
  }
}

/** Without a terminal virsh shows its prompt, and what it reads, as well. */
function withoutPrompt(stdout: string): string {
  return stdout
    .replace(/^Welcome to virsh,[^]*?'quit' to quit\n/, '')
    .split('\n')
    .filter((line) => !line.startsWith('virsh # '))
    .join('\n')
}

/** A save or restore of Stasis says in a line of its own how much that was. */
const FIGURES = /^[\d.]+ \S+ of memory in /

/** virsh ends what it prints with an empty line, and pads the last column of a table. The images of both have different names. */
function comparable(stdout: string, others: readonly Other[]): string {
  const lines = stdout
    .split('\n')
    .map((line) =>
      line
        .trimEnd()
        .replace(/\/\S*\/(IMAGE|NEWER|JUNK)-(?:ours|theirs)$/, '$1')
        .replace(/^\(Time: [\d.]+ ms\)$/, '(Time)')
        // Facts are lined up at different columns.
        .replace(/^([A-Z][\w /]*:) +/, '$1 '),
    )
    .filter((line) => line !== '' && !FIGURES.test(line))
  const ids = lines.some((line) => /^ \d+ /.test(line))
  if (others.length === 0 && !ids) return lines.join('\n')
  // Ids differ, and the names of other domains may widen a table.
  return lines
    .filter((line) => !others.some((other) => isAbout(line, other)))
    .map((line) =>
      line
        .replace(/^ \d+ /, ' ID ')
        .replaceAll(/ {2,}/g, '  ')
        .replace(/^-+$/, '-'),
    )
    .join('\n')
}

function isAbout(line: string, { name, uuid }: Other): boolean {
  const [first, second] = line.trim().split(/ +/)
  return (
    line.includes(uuid) || line === name || (/^(?:-|\d+)$/.test(first ?? '') && second === name)
  )
}
