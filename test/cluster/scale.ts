// How long Pacemaker's scheduler takes for one decision, by its own simulator: the loss of a node, with a resource for each guest.
//   sh scripts/run test/cluster/scale.ts [--nodes N] [--guests N]     prints a row in Markdown
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cacheDir } from '../support/cache-dir.ts'
import { tempDir } from '../support/temp-dir.ts'

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '16' },
    guests: { type: 'string', default: '400' },
  },
})
const [nodes, guests] = [Number(values.nodes), Number(values.guests)]
const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i + 1)

/** What a node says about a guest: a probe, and on the guest's own node a start. */
function history(node: number, guest: number): string {
  const runs = guest % nodes === node - 1
  const operation = (id: string, name: string, code: number, call: number): string =>
    `<lrm_rsc_op id="g${guest}_${id}_0" operation_key="g${guest}_${name}_0" operation="${name}" transition-key="${call}:1:${code}:00000000-0000-0000-0000-000000000000" transition-magic="0:${code};${call}:1:${code}:00000000-0000-0000-0000-000000000000" call-id="${call}" rc-code="${code}" op-status="0" op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8" interval="0"/>`
  const probe = operation('last_failure', 'monitor', 7, guest)
  const start = runs ? operation('last', 'start', 0, guests + guest) : ''
  return `<lrm_resource id="g${guest}" type="Dummy" class="ocf" provider="pacemaker">${probe}${start}</lrm_resource>`
}

const cib = `<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0" have-quorum="1" dc-uuid="2">
<configuration><crm_config><cluster_property_set id="o"><nvpair id="o-s" name="stonith-enabled" value="true"/><nvpair id="o-p" name="placement-strategy" value="balanced"/></cluster_property_set></crm_config>
<nodes>${numbers(nodes)
  .map(
    (n) =>
      `<node id="${n}" uname="h${n}"><utilization id="u${n}"><nvpair id="u${n}-m" name="memory" value="1000000"/></utilization></node>`,
  )
  .join('')}</nodes>
<resources><primitive id="power" class="stonith" type="fence_dummy"/>${numbers(guests)
  .map(
    (g) =>
      `<primitive id="g${g}" class="ocf" provider="pacemaker" type="Dummy"><utilization id="g${g}-u"><nvpair id="g${g}-um" name="memory" value="1000"/></utilization><operations><op id="g${g}-m" name="monitor" interval="10s"/></operations></primitive>`,
  )
  .join(
    '',
  )}</resources><constraints/><rsc_defaults><meta_attributes id="d"><nvpair id="d-s" name="resource-stickiness" value="100"/></meta_attributes></rsc_defaults></configuration>
<status>${numbers(nodes)
  .map(
    (n) =>
      `<node_state id="${n}" uname="h${n}" in_ccm="${n > 1}" crmd="${n > 1 ? 'online' : 'offline'}" join="${n > 1 ? 'member' : 'down'}" expected="member"><lrm id="${n}"><lrm_resources>${numbers(
        guests,
      )
        .map((g) => history(n, g))
        .join('')}</lrm_resources></lrm></node_state>`,
  )
  .join('')}</status></cib>`

await using dir = await tempDir()
writeFileSync(dir.join('cib.xml'), cib)
const root = join(cacheDir, 'cluster/root')
const env = {
  ...process.env,
  LD_LIBRARY_PATH: ['usr/lib/x86_64-linux-gnu', 'usr/lib']
    .map((each) => join(root, each))
    .join(':'),
  CIB_shadow_dir: dir.path,
  PCMK_schema_directory: join(root, 'usr/share/pacemaker'),
}
const from = performance.now()
const { status, stdout, stderr } = spawnSync(
  join(root, 'usr/sbin/crm_simulate'),
  ['--xml-file', dir.join('cib.xml'), '--run'],
  { env, encoding: 'utf8', maxBuffer: 1024 ** 3 },
)
const seconds = (performance.now() - from) / 1000
const moved = stdout.match(/^ *\* (?:Move|Recover) +g\d+/gm)?.length ?? 0
if (status !== 0 || moved === 0) {
  console.error(stdout.slice(0, 2000), stderr.slice(0, 2000))
  process.exitCode = 1
}
console.log(
  `| ${nodes} | ${guests} | ${(cib.length / 2 ** 20).toFixed(1)} MiB | ${moved} | ${seconds.toFixed(1)} |`,
)
