/** The editor of the person at the terminal, as virsh chooses it: `$VISUAL`, `$EDITOR` or vi. */
export function chosenEditor(): string {
  return process.env['VISUAL'] || process.env['EDITOR'] || 'vi'
}
