# Any Debian image with Node 22.19 or newer and npm. For builds that repeat exactly, and for several architectures:
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg NODE_IMAGE=node:24-slim@sha256:... \
#     --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) --output type=image,name=registry.example/fairway:0.1.0,push=true,rewrite-timestamp=true .
ARG NODE_IMAGE=node:24-slim

# Of the architecture that the image is for. Nothing of it is run, so none has to be emulated.
FROM ${NODE_IMAGE} AS node

# What is made here is the same for all architectures.
FROM --platform=${BUILDPLATFORM} ${NODE_IMAGE} AS build
ARG SOURCE_DATE_EPOCH=0
WORKDIR /src
# Packages first: this layer is built again only when the lock file changes.
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts scripts
COPY src src
COPY --from=node / /node/
RUN npm run build \
 && sh scripts/image-root.sh /node /root-of-image \
 && node scripts/sbom.ts dist/sbom.cdx.json dist/LICENSES.txt /root-of-image/var/lib/dpkg/status.d

# Node, the libraries that it needs, and one bundled file: no shell, no package manager, no node_modules.
FROM scratch
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="fairway" \
      org.opencontainers.image.description="Exposes Kubernetes Services through a proxy outside the cluster" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
# One arena of malloc (mallopt(3)) for all threads: each that a thread has for itself keeps what it once took, together a dozen megabytes.
ENV NODE_ENV=production \
    PATH=/usr/local/bin \
    MALLOC_ARENA_MAX=1
WORKDIR /app
COPY --from=build /root-of-image /
COPY LICENSE ./
# With its source map, the licences of what went in, and the bill of materials (CycloneDX).
COPY --from=build /src/dist ./
# A number, so that kubelet can tell that it is not root (runAsNonRoot).
USER 65532:65532
EXPOSE 8080
# No shell in between: SIGTERM reaches the program. The flags of V8, which docs/performance.md measures:
# - --optimize-for-size has an idle process give back what a burst has claimed, which Node never does by itself. Its young generation is small, too: filling
#   the caches would claim a quarter of the memory for it for good.
# - The other two keep that from costing time: the caches fill without a whole collection, and between two of them the heap may double.
ENTRYPOINT ["node", "--optimize-for-size", "--initial-old-space-size=64", "--heap-growing-percent=100", "/app/fairway.js"]
CMD ["run"]
