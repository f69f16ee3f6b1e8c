// Does README and tutorial as a stranger would, on a clean minimal Debian (scripts/debian-tree): from the Debian package and from npm's tarball.
//   npm run test:front-door [-- deb|npm]
import { execFile } from 'node:child_process'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheDir } from '../support/cache-dir.ts'
import { type CodeBlock, codeBlocks, scriptOf } from '../support/document.ts'
import { FreshRoot } from '../support/fresh-root.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const SLOW = { timeoutMs: 1_200_000 }
const KINDS = ['deb', 'npm'] as const
type Kind = (typeof KINDS)[number]

async function frontDoor(kind: Kind): Promise<void> {
  await using tree = await FreshRoot.over(
    join(cacheDir, 'debian'),
    join(cacheDir, 'debian-archives'),
  )
  const act = async (what: string, script: string): Promise<void> => {
    const began = Date.now()
    process.stdout.write(`${kind}: ${what}\n`)
    const said = await tree.sh(script, SLOW)
    if (process.env['STASIS_DEBUG'] !== undefined) process.stdout.write(said)
    process.stdout.write(`${kind}: ${what}: done in ${Math.round((Date.now() - began) / 1000)} s\n`)
  }
  const doAll = (what: string, blocks: readonly CodeBlock[]): Promise<void> =>
    act(what, scriptOf(blocks, [kind]))

  const readme = await codeBlocks('README.md')
  const tutorial = await codeBlocks('docs/tutorial.md')
  const install = inSection(readme, /^Install$/)
  const first = inSection(readme, /^Your first/)
  const end = inSection(tutorial, /^Clean up$/)
  await act('what README says is needed', PREPARED)
  await (kind === 'deb' ? givePackage(tree) : giveTarball(tree))
  await doAll('README, install', install)
  const xml = readme.find(({ language }) => language === 'xml')?.code ?? ''
  await writeFile(join(tree.given, 'web.xml'), xml.replace("type='kvm'", "type='qemu'"))
  await act('the disk of README', DISK)
  await doAll('README, first save and restore', first)
  await act('end of README', 'stasis destroy web; stasis undefine web')
  await doAll(
    'tutorial',
    tutorial.filter((block) => !end.includes(block)),
  )
  await doAll('coming from virsh', await codeBlocks('docs/coming-from-virsh.md'))
  await doAll('parking a host', await codeBlocks('docs/parking-a-host.md'))
  if (kind === 'npm') await typescript(tree, act, readme)
  await doAll('tutorial, end', end)
  const remove = kind === 'deb' ? 'apt-get purge stasis' : 'npm uninstall --global stasis'
  await act('remove it', `${remove}; ! command -v stasis; ls -d /var/lib/stasis`)
  process.stdout.write(`${kind}: ok\n`)
}

/** The commands of a section. A title that was changed in the document is changed here, too. */
function inSection(blocks: readonly CodeBlock[], title: RegExp): readonly CodeBlock[] {
  const found = blocks.filter(({ section }) => title.test(section))
  if (found.length > 0) return found
  throw new Error(`No section ${title} with commands in the document`)
}

const PREPARED = `
  echo 'APT::Get::Assume-Yes "true"; APT::Install-Recommends "false"; Binary::apt-get::APT::Keep-Downloaded-Packages "true"; APT::Sandbox::User "root";' >/etc/apt/apt.conf.d/90test
  apt-get update
  apt-get install qemu-system-x86 qemu-utils`

const DISK = `
  cp /mnt/given/web.xml .
  mkdir -p /srv/vm /backup
  qemu-img create -f qcow2 /srv/vm/web.qcow2 64M`

async function givePackage(tree: FreshRoot): Promise<void> {
  await run('sh', [join(root, 'scripts/deb'), tree.given])
  await tree.sh('cp /mnt/given/*.deb .')
}

/** Also Node 24 and npm, which the distribution does not have. */
async function giveTarball(tree: FreshRoot): Promise<void> {
  await run('npm', ['pack', '--silent', '--pack-destination', tree.given], { cwd: root })
  const { stdout } = await run('sh', ['-c', 'readlink -f "$(command -v npm)"'])
  await cp(join(stdout.trim(), '../..'), join(tree.given, 'npm'), { recursive: true })
  await cp(process.execPath, join(tree.given, 'node'))
  await tree.sh(`
    cp /mnt/given/*.tgz .
    cp /mnt/given/node /usr/local/bin/
    mkdir -p /usr/local/lib/node_modules
    cp -R /mnt/given/npm /usr/local/lib/node_modules/
    ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
    mkdir -p /etc/bash_completion.d /etc/systemd/system`)
}

/** Runs the samples of README and of the page about CI, in a project with the packed package, on the tutorial's guest. */
async function typescript(
  tree: FreshRoot,
  act: (what: string, script: string) => Promise<void>,
  readme: readonly CodeBlock[],
): Promise<void> {
  const folder = join(tree.given, 'project')
  await mkdir(folder)
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  const [sample = ''] = readme.flatMap(({ language, code }) => (language === 'ts' ? [code] : []))
  // The sample's domain is the guest of the tutorial here.
  await writeFile(join(folder, 'readme.ts'), sample.replace("domain('web')", "domain('guest')"))
  const page = await codeBlocks('docs/ci-and-sandboxes.md')
  const parts = page.filter(({ language }) => language === 'ts')
  for (const [index, { code }] of parts.entries())
    await writeFile(join(folder, `part${index}.ts`), code.replace('READY', 'guest# '))
  await writeFile(join(folder, 'ci.ts'), CI)
  await act(
    'TypeScript: install',
    'cp -R /mnt/given/project . && cd project && npm install ../stasis-*.tgz',
  )
  await act('TypeScript: README', 'cd project && node readme.ts')
  await act(
    'TypeScript: CI',
    'stasis destroy guest; stasis undefine guest; cd project && node ci.ts; stasis restore /root/ci.save',
  )
}

const CI = `
  import assert from 'node:assert/strict'
  import { prepare } from './part0.ts'
  import { inCopy } from './part1.ts'
  import { many } from './part2.ts'
  await prepare('/root/guest/guest.xml', '/root/ci.save')
  assert.equal(await inCopy('/root/ci.save', 'job', async (copy) => (await copy.state()).state), 'running')
  assert.equal((await many('/root/ci.save', 3)).length, 3)
  console.log('ci: ok')
  process.exit()
`

const wanted = process.argv.slice(2)
for (const kind of KINDS) if (wanted.length === 0 || wanted.includes(kind)) await frontDoor(kind)
