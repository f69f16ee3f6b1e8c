import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { elsewhereError } from '../../src/cli/elsewhere.ts'
import { VERBS } from '../../src/cli/verbs.ts'
import { domainXml } from '../support/domain-xml.ts'
import { interopBeds } from '../support/interop-beds.ts'
import { type LibvirtBed, bedObstacle, holdLibvirt } from '../support/libvirt-bed.ts'
import { stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

// The editor of `edit`, which changes nothing.
process.env['VISUAL'] = 'true'

const skip = bedObstacle() ?? false
const script = join(import.meta.dirname, '../../scripts/libvirt-bed')

interface Other {
  readonly name: string
  readonly uuid: string
}

interface Outcome {
  readonly stdout: string
  readonly succeeds: boolean
}

/** A command line, and why its outcome differs, if it does. In it XML, UUID and IMAGE stand for a file, the UUID of the domain, and a new image. */
type Line = readonly [line: readonly string[], differs?: string | undefined]

const words = (line: string, differs?: string): Line => [line.split(' '), differs]

const XPATHS: readonly Line[] = [
  words('dumpxml tiny --xpath //disk/target'),
  words('dumpxml tiny --inactive --xpath //disk/target/@dev'),
  words('dumpxml tiny --xpath /domain/memory --wrap'),
  words('dumpxml tiny --xpath /domain/name/text()'),
  words('dumpxml tiny --xpath //nothing'),
  words('dumpxml tiny --xpath count(//disk)', 'virsh shows only parts, Stasis also numbers'),
  words('dumpxml tiny --xpath //[', 'virsh complains and succeeds'),
  words('dumpxml nobody'),
]
/** The first line is virsh's. */
const MORE = 'Stasis adds a line with size, time and rate'

const COUNTED: readonly Line[] = [
  words('domblkinfo tiny vda'),
  words('domblkinfo tiny vda --human'),
  words('domblkinfo tiny --device nothing'),
  words('domblkinfo tiny'),
  words('domblkinfo tiny --all'),
  words('domblkinfo tiny --all --human'),
  words('vcpucount tiny'),
  words('vcpucount tiny --live'),
  words('vcpucount tiny --maximum'),
  words('vcpucount tiny --maximum --config'),
  words('vcpucount tiny --active --current'),
  words('domcontrol tiny'),
  words('domtime tiny'),
  words('domhostname tiny'),
  words('domifaddr tiny --source agent'),
  words('qemu-agent-command tiny {"execute":"guest-ping"}'),
  words('domstats tiny --vm'),
]

const LINES: readonly Line[] = [
  words('-q list --all'),
  words('list --all'),
  words('define --file XML'),
  words('domstate tiny'),
  words('domstate --domain tiny'),
  words('domstate UUID'),
  words('domstate nobody'),
  words('domstate'),
  words('domstate tiny --domain tiny'),
  words('frobnicate tiny'),
  words('attach-disk tiny /nowhere vdz'),
  [['domstate tiny; domstate nobody; domstate "tiny"']],
  [['domstate tiny; domstate nobody']],
  [['domstate tiny; frobnicate']],
  words('list'),
  words('list --all'),
  words('-q list --all'),
  words('list --all --name'),
  words('list --all --uuid'),
  words('list --all --id'),
  words('list --inactive --name --id --uuid'),
  words('list --state-shutoff --state-running --name'),
  words('list --all --state-paused --name'),
  words('list --all --transient --name'),
  words('list --all --with-managed-save --name'),
  words('list --all --title'),
  words('list --table --name'),
  words('domid tiny'),
  words('domuuid tiny'),
  words('domname UUID'),
  words('domname tiny', 'virsh takes no name here; Stasis finds a domain by any of its words'),
  words('domblklist tiny'),
  words('domblklist tiny --details'),
  words('domiflist tiny'),
  words('desc tiny'),
  words('desc tiny --title'),
  words('vncdisplay tiny'),
  words('domdisplay tiny'),
  words('ttyconsole tiny'),
  ...XPATHS,
  ...COUNTED,
  words('managedsave-remove tiny'),
  words('autostart tiny'),
  words('list --all --autostart --name'),
  words('list --all --no-autostart --name'),
  words('-q autostart --disable tiny'),
  words('domrename tiny small'),
  words('domrename --new-name tiny --domain small'),
  words('-r undefine tiny'),
  words('-r domstate tiny'),
  words('start tiny'),
  words('start tiny'),
  words('domstate tiny'),
  ...XPATHS,
  ...COUNTED,
  words('dommemstat tiny', 'no two QEMUs have the same memory'),
  words('domstats tiny --state'),
  words('domstats tiny --interface'),
  words('domifstat tiny nothing'),
  words('qemu-monitor-command tiny query-status', 'virsh adds an id to the reply'),
  words('qemu-monitor-command tiny query-status --return-value'),
  words('qemu-monitor-command tiny --return-value --pretty {"execute":"query-status"}'),
  words('qemu-monitor-command tiny --hmp info status'),
  words('qemu-monitor-command tiny --return-value no-such'),
  words('qemu-monitor-command tiny no-such nonsense'),
  words('dumpxml tiny --xpath //interface/alias'),
  words('dumpxml tiny --xpath //channel/target'),
  words('suspend tiny'),
  words('list --state-paused --name'),
  words('list --state-running --name'),
  words('resume --domain tiny'),
  words('save --file IMAGE tiny', MORE),
  words('domstate tiny'),
  words('restore --file IMAGE', MORE),
  words('managedsave tiny', 'virsh names libvirt, Stasis names itself'),
  words('list --all --managed-save'),
  words('managedsave-remove tiny'),
  words('destroy tiny'),
  words('undefine tiny --keep-nvram --snapshots-metadata'),
  words('create XML --paused'),
  words('create XML'),
  words('domstate tiny'),
  words('resume tiny'),
  words('list --transient --name'),
  words('shutdown tiny --mode acpi,frobnicate'),
  words('shutdown tiny --mode initctl'),
  words('shutdown tiny --mode acpi'),
  words('destroy tiny --graceful'),
  words('domstate tiny'),
  words('define XML --validate'),
  words('edit tiny'),
  words('undefine tiny'),
  words('list --all --name'),
]

for (const { version, emulator } of interopBeds().filter((bed) => bed.version === '9.0')) {
  test(`the same lines on virsh ${version} and on Stasis`, { skip, timeout: 300_000 }, async () => {
    await using bed = await holdLibvirt(version)
    await using dir = await tempDir()
    const xml = domainXml({ name: 'tiny', guest: 'tiny', emulator, serial: { type: 'pty' } })
    // libvirt 9.0 does not have the name of q35's own watchdog.
    const channel = `<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>`
    const given = xml
      .replace(/ *<watchdog model='itco'.*\n/, '')
      .replace('<audio', `${channel}<audio`)
    await writeFile(dir.join('xml'), given)
    const uuid = /<uuid>(.*)<\/uuid>/.exec(xml)?.[1] ?? ''
    const others = await domainsOf(bed)
    try {
      for (const [line, differs] of LINES) {
        const argv = line.map((word) => ({ XML: dir.join('xml'), UUID: uuid })[word] ?? word)
        const theirs = argv.map((word) => (word === 'IMAGE' ? dir.join('theirs') : word))
        const ours = argv.map((word) => (word === 'IMAGE' ? dir.join('ours') : word))
        const expected = await virsh(version, theirs, others)
        const { stdout, exitCode, stderr } = await stasis(dir.join('state'), ...ours)
        const found = { stdout: comparable(stdout, others), succeeds: exitCode === 0 }
        const text = `${line.join(' ')}: ${stderr}`
        if (differs === undefined) assert.deepEqual(found, expected, text)
        else assert.notDeepEqual(found, expected, `${text}: it differs no longer`)
        if (differs === MORE) assert.equal(found.stdout.split('\n')[0], expected.stdout, text)
      }
    } finally {
      await bed.virsh('destroy', 'tiny').catch(() => undefined)
      await bed.virsh('undefine', 'tiny', '--managed-save').catch(() => undefined)
    }
  })
}

test(
  'every verb of virsh is one of ours, or is explained',
  { skip, timeout: 300_000 },
  async () => {
    await using bed = await holdLibvirt('9.0')
    const help = await bed.virsh('help')
    const verbs = [...help.matchAll(/^ {4}(\S+) {2}/gm)].map(([, name = '']) => name)
    assert.ok(verbs.length > 200)
    const ours = new Set([...VERBS.map(({ name }) => name), 'help'])
    const unknown = verbs.filter((name) => !ours.has(name) && elsewhereError(name) === undefined)
    assert.deepEqual(unknown, [])
  },
)

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

function virsh(
  version: string,
  argv: readonly string[],
  others: readonly Other[],
): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  execFile('sh', [script, version, 'virsh', ...argv], (error, stdout) => {
    resolve({ stdout: comparable(stdout, others), succeeds: error === null })
  })
  return promise
}

/** virsh ends what it prints with an empty line, and pads the last column of a table. The images of both have different names. */
function comparable(text: string, others: readonly Other[]): string {
  const lines = text
    .split('\n')
    .map((line) => line.trimEnd().replace(/\/\S*\/(?:ours|theirs)$/, 'IMAGE'))
    .filter((line) => line !== '')
  if (others.length === 0) return lines.join('\n')
  // Their names may widen a table.
  return lines
    .filter((line) => !others.some((other) => isAbout(line, other)))
    .map((line) => line.replaceAll(/ {2,}/g, '  ').replace(/^-+$/, '-'))
    .join('\n')
}

function isAbout(line: string, { name, uuid }: Other): boolean {
  const [first, second] = line.trim().split(/ +/)
  return (
    line.includes(uuid) || line === name || (/^(?:-|\d+)$/.test(first ?? '') && second === name)
  )
}
