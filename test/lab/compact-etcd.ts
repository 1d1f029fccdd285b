/**
 * Drops all history from etcd: whoever watches from before gets 410. By etcd's JSON gateway, where an answer about any key tells the revision of all (etcd API
 * reference, ResponseHeader).
 */
export async function compactEtcd(url: string, signal: AbortSignal): Promise<void> {
  const ask = async (path: string, body: object) => {
    const answer = await fetch(url + path, { method: 'POST', body: JSON.stringify(body), signal })
    if (!answer.ok) throw new Error(`etcd answers ${answer.status} to ${path}: ${await answer.text()}`)
    return (await answer.json()) as { readonly header: { readonly revision: string } }
  }
  const { header } = await ask('/v3/kv/range', { key: Buffer.from('/').toString('base64') })
  await ask('/v3/kv/compaction', { revision: header.revision, physical: true })
}
