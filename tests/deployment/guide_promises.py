"""The commands of the guide of the system before this one, as printed there, and what each is here.

None: the same. An empty text: nothing has to be done here. docs/install.md, section 11, says what holds each.
"""

PROMISES: list[tuple[str, str, str | None]] = [
    (
        "3.2",
        'curl -LO "https://dl.k8s.io/release/$(curl -L -s https://dl.k8s.io/release/stable.txt)'
        '/bin/linux/amd64/kubectl"',
        None,
    ),
    ("3.2", "sudo install -o root -g root -m 0755 kubectl /usr/local/bin/kubectl", None),
    (
        "3.2",
        "curl https://raw.githubusercontent.com/helm/helm/main/scripts/get-helm-3 | bash",
        None,
    ),
    (
        "3.2",
        "curl -LO https://storage.googleapis.com/minikube/releases/latest/minikube-linux-amd64",
        None,
    ),
    ("3.2", "sudo install minikube-linux-amd64 /usr/local/bin/minikube", None),
    (
        "4.2",
        "cd /path/to/robot-simulator-back",
        "git clone <repository-url> robotsim && cd robotsim",
    ),
    ("4.2", "python -m venv .venv", None),
    ("4.2", "source .venv/bin/activate", None),
    ("4.2", "python -m pip install --upgrade pip", None),
    ("4.2", "pip install -r requirements.txt", None),
    ("4.4", "alembic upgrade head", "python manage.py migrate"),
    ("4.4", "alembic init alembic", ""),
    ("4.4", 'alembic revision --autogenerate -m "initial"', "python manage.py makemigrations"),
    ("4.4", "cd backend_server/src", ""),
    (
        "4.4",
        "uvicorn main:app --host 127.0.0.1 --port 8000 --reload",
        "uvicorn robotsim_project.asgi:application --host 127.0.0.1 --port 8000 --reload",
    ),
    (
        "4.4",
        "PYTHONPATH=backend_server/src uvicorn backend_server.src.main:app --host 127.0.0.1 "
        "--port 8000 --reload",
        "uvicorn robotsim_project.asgi:application --host 127.0.0.1 --port 8000 --reload",
    ),
    ("4.5", "curl http://127.0.0.1:8000/", None),
    ("4.5", "curl http://127.0.0.1:8000/health/redis", None),
    (
        "5.1",
        "docker build -t robot-sim-backend:latest -f backend_server/Dockerfile .",
        "docker build -t robot-sim-backend:latest .",
    ),
    ("5.2", "docker network create robot-net", None),
    (
        "5.2",
        "docker run -d --name robot-postgres --network robot-net -e POSTGRES_PASSWORD=password "
        "-e POSTGRES_DB=robotdb -p 5432:5432 postgres:15",
        None,
    ),
    (
        "5.2",
        "docker run -d --name robot-redis --network robot-net -p 6379:6379 redis:7",
        None,
    ),
    (
        "5.2",
        "docker run -d --name robot-minio --network robot-net -p 9000:9000 -p 9001:9001 "
        "-e MINIO_ROOT_USER=minioadmin -e MINIO_ROOT_PASSWORD=minioadmin "
        'minio/minio server /data --console-address ":9001"',
        None,
    ),
    (
        "5.2",
        "docker run -d --name robot-backend --network robot-net -p 8000:8000 "
        "-e DATABASE_URL=postgresql+asyncpg://postgres:password@robot-postgres:5432/robotdb "
        "-e REDIS_URL=redis://robot-redis:6379/0 -e MINIO_ENDPOINT=robot-minio:9000 "
        "-e MINIO_ACCESS_KEY=minioadmin -e MINIO_SECRET_KEY=minioadmin "
        "-e MINIO_BUCKET=robot-sim robot-sim-backend:latest",
        "docker run -d --name robot-backend --network robot-net -p 8000:8000 "
        "-e DATABASE_URL=postgresql+asyncpg://postgres:password@robot-postgres:5432/robotdb "
        "-e REDIS_URL=redis://robot-redis:6379/0 -e MINIO_ENDPOINT=robot-minio:9000 "
        "-e MINIO_PUBLIC_ENDPOINT=localhost:9000 "
        "-e MINIO_ACCESS_KEY=minioadmin -e MINIO_SECRET_KEY=minioadmin "
        "-e MINIO_BUCKET=robot-sim robot-sim-backend:latest",
    ),
    ("5.3", "docker-compose up -d", "docker compose up -d"),
    ("6.1", "minikube start --driver=docker --memory=4096 --cpus=2", None),
    ("6.1", "kind create cluster --name robot-dev", None),
    ("6.1", "kubectl create namespace robot", None),
    ("6.3", "kubectl apply -f k8s/postgres-pv.yaml", None),
    ("6.3", "kubectl apply -f k8s/postgres-deploy.yaml", None),
    ("6.3", "kubectl get pods -n robot | grep postgres", None),
    ("6.3", "kubectl get svc -n robot | grep postgres", None),
    ("6.3", "kubectl apply -f k8s/minio-pv.yaml", None),
    ("6.3", "kubectl apply -f k8s/minio-deploy.yaml", None),
    ("6.3", "kubectl get pods -n robot | grep minio", None),
    ("6.3", "kubectl get svc -n robot | grep minio", None),
    ("6.3", "kubectl apply -f k8s/redis-deploy.yaml", None),
    ("6.3", "kubectl get pods -n robot | grep redis", None),
    ("6.3", "kubectl get svc -n robot | grep redis", None),
    ("6.3", "kubectl apply -f k8s/metrics-server-dev.yaml", None),
    ("6.3", "kubectl get pods -n kube-system | grep metrics-server", None),
    ("6.3", "kubectl apply -f k8s/server-deploy.yaml", None),
    ("6.3", "kubectl get pods -n robot | grep backend", None),
    ("6.3", "kubectl get svc -n robot | grep backend", None),
    ("6.4", "chmod +x install.sh", None),
    ("6.4", "./install.sh", None),
    ("6.5", "chmod +x server-renew.sh", None),
    ("6.5", "./server-renew.sh", None),
    ("6.6", "kubectl port-forward svc/robot-backend-service 8000:8000 -n robot", None),
    ("6.6", "kubectl port-forward svc/minio-service 9000:9000 -n robot", None),
    ("6.6", "kubectl port-forward svc/minio-service 9001:9001 -n robot", None),
    ("6.6", "minikube service robot-backend-service -n robot", None),
    ("7.1", "curl http://127.0.0.1:8000/", None),
    ("7.2", "curl http://127.0.0.1:8000/health/redis", None),
    ("7.2", "curl http://127.0.0.1:8000/health/db", None),
    ("7.3", "curl http://localhost:9000/minio/health/live", None),
    ("7.4", "kubectl logs -f deployment/robot-backend -n robot", None),
    ("7.4", "kubectl logs -f deployment/postgres -n robot", None),
    ("7.4", "kubectl get pods -n robot -o wide", None),
    ("7.5", "kubectl top pods -n robot", None),
    ("7.5", "kubectl top nodes", None),
    ("8.1", "pip install --no-cache-dir -r requirements.txt", None),
    ("8.1", "python -m pip install --upgrade pip setuptools wheel", None),
    ("8.1", 'export PYTHONPATH="${PYTHONPATH}:$(pwd)/backend_server/src"', ""),
    ("8.2", "lsof -i :8000", None),
    ("8.2", "lsof -i :5432", None),
    ("8.2", "kill -9 <PID>", None),
    ("8.2", "docker-compose down", "docker compose down"),
    ("8.2", "docker-compose restart backend", "docker compose restart backend"),
    ("8.3", "kubectl describe pod <pod-name> -n robot", None),
    ("8.3", "kubectl get pv", None),
    ("8.3", "kubectl get pvc -n robot", None),
    ("8.3", "kubectl get storageclass", None),
    ("8.3", "eval $(minikube docker-env)", None),
    (
        "8.3",
        "docker build -t robot-sim-backend:latest .",
        "docker build -t robot-sim-backend:$(cat .version) .",
    ),
    ("8.3", "kubectl get endpoints -n robot", None),
    (
        "8.3",
        "kubectl run -it --rm debug --image=busybox --restart=Never -n robot -- "
        "nslookup postgres-service",
        None,
    ),
    ("8.3", "kubectl get svc -n robot", None),
    ("8.3", "kubectl logs -n kube-system deployment/metrics-server", None),
    ("8.3", "kubectl rollout restart deployment/metrics-server -n kube-system", None),
    ("8.3", "kubectl get apiservice v1beta1.metrics.k8s.io -o yaml", None),
    ("8.4", "echo $DATABASE_URL", None),
    ("8.4", 'psql "postgresql://postgres:password@localhost:5432/robotdb"', None),
    ("8.4", "docker exec -it robot-postgres psql -U postgres -d robotdb", None),
    ("8.4", "alembic current", "python manage.py showmigrations"),
    ("8.4", "alembic history", "python manage.py showmigrations --plan"),
    ("8.4", "alembic downgrade <revision>", "python manage.py migrate <app> <number>"),
    ("8.4", "alembic upgrade head --sql", "python manage.py sqlmigrate <app> <number>"),
    ("9.1", "git clone <repository-url>", "git clone <repository-url> robotsim && cd robotsim"),
    ("9.1", "kubectl port-forward svc/robot-backend-service 8000:8000 -n robot &", None),
    ("9.2", "kubectl port-forward svc/postgres-service 5432:5432 -n robot &", None),
    ("9.2", "kubectl port-forward svc/redis-service 6379:6379 -n robot &", None),
    ("9.2", "kubectl port-forward svc/minio-service 9000:9000 -n robot &", None),
    ("9.4", "docker build -t robot-sim-backend:v2 .", None),
    (
        "9.4",
        "kubectl set image deployment/robot-backend robot-backend=robot-sim-backend:v2 -n robot",
        None,
    ),
    ("9.4", "kubectl rollout status deployment/robot-backend -n robot", None),
    (
        "10.2",
        "kubectl set image deployment/robot-backend "
        "robot-backend=registry.example.com/robot-sim-backend:${{ github.sha }} -n robot",
        "./server-renew.sh",
    ),
    (
        "10.3",
        "helm repo add prometheus-community https://prometheus-community.github.io/helm-charts",
        None,
    ),
    (
        "10.3",
        "helm install prometheus prometheus-community/kube-prometheus-stack -n monitoring "
        "--create-namespace",
        None,
    ),
    ("10.3", "pip install prometheus-fastapi-instrumentator", ""),
]

FILES = (
    "postgres-pv.yaml",
    "postgres-deploy.yaml",
    "minio-pv.yaml",
    "minio-deploy.yaml",
    "redis-deploy.yaml",
    "server-deploy.yaml",
    "metrics-server-dev.yaml",
)
"""Contents of k8s/ according to section 6.2."""

VARIABLES = (
    "DATABASE_URL",
    "REDIS_URL",
    "MINIO_ENDPOINT",
    "MINIO_ACCESS_KEY",
    "MINIO_SECRET_KEY",
    "MINIO_BUCKET",
    "MINIO_USE_SSL",
    "API_STR",
    "SECRET_KEY",
    "ALGORITHM",
    "ACCESS_TOKEN_EXPIRE_MINUTES",
)
"""Contents of .env according to section 4.3."""
