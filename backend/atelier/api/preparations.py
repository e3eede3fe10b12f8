"""Preparations: the jobs that make data sets of what people bring. `POST /datasets` starts them."""

from fastapi import APIRouter

from atelier.api.jobs import job_routes

router = APIRouter(prefix="/preparations", tags=["data sets"])

job_routes(router, "prepare", "preparation", pausable=False)
