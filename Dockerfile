# The base of both stages. Any image with Node 22.19 or newer and npm will do; pin it by digest where builds must repeat exactly:
#   docker build --build-arg NODE_IMAGE=node:24-slim@sha256:... .
ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
# Packages first: this layer is built again only when the lock file changes.
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts scripts
COPY src src
RUN npm run build

FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="fairway" \
      org.opencontainers.image.description="Exposes Kubernetes Services through a proxy outside the cluster" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
WORKDIR /app
COPY LICENSE ./
# One bundled file with its source map and the licences of what went in. No node_modules, so no development dependency either.
COPY --from=build /src/dist ./
# A number, so that kubelet can tell that it is not root (runAsNonRoot).
USER 65532:65532
EXPOSE 8080
# No shell in between: SIGTERM reaches the program. A small young generation keeps a quarter of the memory free that filling the caches would
# claim for good, at no cost in time (npm run bench -- sync).
ENTRYPOINT ["node", "--enable-source-maps", "--max-semi-space-size=2", "/app/fairway.js"]
CMD ["run"]
