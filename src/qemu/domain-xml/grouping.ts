/**
 * libvirt keeps disks by bus and controllers by type, each group where its first member stands and sorted by index
 * (virDomainDiskInsert, virDomainControllerInsertPreAlloced, 9.0). Addresses and the boot order follow that order, not
 * that of the XML.
 */
export function grouped<Item>(
  items: readonly Item[],
  groupOf: (item: Item) => string | undefined,
  indexOf: (item: Item) => number,
): readonly Item[] {
  const groups = new Map<string | undefined, Item[]>()
  for (const item of items) {
    const group = groups.get(groupOf(item))
    if (group === undefined) groups.set(groupOf(item), [item])
    else group.push(item)
  }
  return [...groups.values()].flatMap((group) => group.toSorted((a, b) => indexOf(a) - indexOf(b)))
}
